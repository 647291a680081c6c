import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps its binaries where no PATH leads, a folder a version. */
const DEBIAN = '/usr/lib/postgresql';

const folders = [...(process.env.PATH ?? '').split(delimiter), ...debianFolders()];

/** The folder of PostgreSQL's binaries; undefined where there is none. */
export const postgresFolder = folders.find((folder) =>
  ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
);

/** PostgreSQL refuses to run as root: then it is run as the user that its package brings. */
export const postgresUser = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};

/** Which PostgreSQL there is; undefined where there is none that could be run. */
export const postgresVersion =
  postgresFolder && !Number.isNaN(postgresUser.uid) ? versionIn(postgresFolder) : undefined;

function debianFolders(): string[] {
  if (!existsSync(DEBIAN)) return [];
  const versions = readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(DEBIAN, version, 'bin'));
}

function idOf(option: '-u' | '-g'): number {
  const { stdout } = spawnSync('id', [option, 'postgres'], { encoding: 'utf8' });
  return stdout ? Number(stdout) : Number.NaN;
}

function versionIn(folder: string): string | undefined {
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return /PostgreSQL\) [\d.]+/.exec(stdout)?.[0].replace(')', '');
}
