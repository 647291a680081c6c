import { expect, onTestFinished, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { ServiceProcess } from '../../harness/service-process.ts';

test('no test sees the variables of the shell', () => {
  // Set by npm, a terminal or a login.
  const ofShells = /^(npm_(?!config_)|(PWD|OLDPWD|SHLVL|_|SHELL|TERM|COLUMNS|LANG|CI)$|LC_)/;
  expect(Object.keys(process.env).filter((name) => ofShells.test(name))).toEqual([]);
  expect(process.env.NODE_ENV).toBe('test');
});

test('commands and services do not inherit the variables of the process that starts them', async () => {
  const set = { LOG_LEVEL: 'silent', DATABASE_URL: 'none', NODE_OPTIONS: '--no-such-option' };
  Object.assign(process.env, set);
  onTestFinished(() => {
    for (const name of Object.keys(set)) delete process.env[name];
  });
  const { closed, output } = startCommand('env', [], { ORDER_PORT: '0' });
  await using service = await ServiceProcess.start('payment-service');
  expect(service.lines[0]?.msg).toMatch(/^Listening/);
  expect(await closed).toBe(0);
  expect(output()).toContain('ORDER_PORT=0');
  for (const name of Object.keys(set)) expect(output()).not.toContain(`${name}=`);
});
