/** Posts `body` as JSON. */
export const postJson = (url: string, body: object, { headers, ...init }: RequestInit) =>
  fetch(url, {
    ...init,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
