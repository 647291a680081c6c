/** Why a server does not listen, in one line: `variable` names what moves it to another port. */
export function listenError({ message, code }: NodeJS.ErrnoException, variable: string): string {
  const isAboutPort = code === 'EADDRINUSE' || code === 'EACCES';
  return isAboutPort ? `${message}; ${variable} moves it` : message;
}
