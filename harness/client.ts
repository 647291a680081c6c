import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Without the line break at its end. */
  body: string;
}

/** A request under way. */
export interface Pending {
  requestId: string;
  /** Rejects if the connection ends before the answer is complete. */
  answer: Promise<Answer>;
  hangUp: () => void;
}

/** Sends a request on a connection of its own (or `options.agent`'s). */
export function send(url: string, options: RequestOptions = {}, body?: Buffer): Pending {
  const requestId = randomUUID();
  const headers = { 'x-request-id': requestId, ...options.headers };
  const request = httpRequest(url, { agent: false, ...options, headers });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.once('error', reject).once('response', async (response) => {
      try {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text.replace(/\n$/, ''),
        });
      } catch (error) {
        reject(error);
      }
    });
  });
  answer.catch(() => {});
  request.end(body);
  return { requestId, answer, hangUp: () => request.destroy() };
}

/** The statuses of an order's payments, as the payment service lists them. */
export async function paymentsOf(orderID: string, paymentUrl: string): Promise<string[]> {
  const { body } = await send(`${paymentUrl}/payments?orderID=${orderID}`).answer;
  return JSON.parse(body).map(({ status }: { status: string }) => status);
}
