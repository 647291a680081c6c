/** The URL for reaching a server that listens on `host` and `port` from the same machine. */
export function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The one-line reason why a server cannot listen. `variable` sets its port. */
export function listenError({ message, code }: NodeJS.ErrnoException, variable: string): string {
  const isAboutPort = code === 'EADDRINUSE' || code === 'EACCES';
  return isAboutPort ? `${message}; set ${variable} to use another port` : message;
}
