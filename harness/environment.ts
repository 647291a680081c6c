import { NO_VARIABLES } from '../processes/repository.ts';

/** Variables that locate programs, folders, the Docker engine, a Kubernetes cluster and the npm registry. */
const MACHINE = [
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|TEMP|TMP|LD_LIBRARY_PATH)$/,
  /^(PATHEXT|SYSTEMROOT|SYSTEMDRIVE|COMSPEC|USERPROFILE|APPDATA|LOCALAPPDATA)$/,
  /^(DOCKER_(HOST|CONTEXT|CONFIG|CERT_PATH|TLS_VERIFY)|SSH_AUTH_SOCK|XDG_RUNTIME_DIR|KUBECONFIG)$/,
  /^NPM_CONFIG_(REGISTRY|CACHE|USERCONFIG|GLOBALCONFIG|CAFILE|PROXY|HTTPS_PROXY|NOPROXY)$/,
];

/** Variables of the tests and of their runner. */
const TESTS = [/^(TEST_REPORT|TRACE_PICTURE|TEST|VITEST.*)$/];

const isIn = (patterns: RegExp[], name: string) =>
  patterns.some((pattern) => pattern.test(name.toUpperCase()));

/**
 * The variables of this process that a program needs to run on this machine. Any other variable that a shell
 * exports (DATABASE_URL, LOG_LEVEL, NODE_ENV, FORCE_COLOR, PGUSER, a proxy) could change what the program does.
 */
export function machineVariables(): NodeJS.ProcessEnv {
  const all = Object.entries(process.env);
  return Object.fromEntries(all.filter(([name]) => isIn(MACHINE, name)));
}

/** The environment of a program of this repository: `env`, and no variable or `.env` file of the user. */
export function programVariables(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE, TRANSPILED } = process.env;
  const ours = { NODE_COMPILE_CACHE, TRANSPILED, DOTENV_PATH: NO_VARIABLES };
  return { ...machineVariables(), ...ours, ...env };
}

/** Deletes all variables of this process but the machine's and the tests'. */
export function forgetShell(): void {
  const kept = [...MACHINE, ...TESTS];
  for (const name of Object.keys(process.env)) if (!isIn(kept, name)) delete process.env[name];
}
