// The peers are installed on first use: nothing else in the repository needs them.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (!existsSync(new URL('node_modules', import.meta.url))) {
  process.stderr.write('bench: installing its peers, on first use\n');
  execSync('npm ci --loglevel=error', { cwd: new URL('.', import.meta.url), stdio: 'inherit' });
}
