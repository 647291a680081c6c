/** The URL at which this machine reaches a server that listens on `host` and `port`. */
export function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Why a server does not listen, in one line: `variable` names what moves it to another port. */
export function listenError({ message, code }: NodeJS.ErrnoException, variable: string): string {
  const isAboutPort = code === 'EADDRINUSE' || code === 'EACCES';
  return isAboutPort ? `${message}; ${variable} moves it` : message;
}
