import type { RequestListener } from 'node:http';
import { type Fault, neverAnswer } from '../../harness/faulty-server.ts';

export const available: RequestListener = (_req, res) => res.end('Product 1234 is available\n');
export const paid: RequestListener = (_req, res) =>
  res.end('Payment for order orderID-5678 completed');
export const voided: RequestListener = (_req, res) =>
  res.end('Payment for order orderID-5678 voided');
/** Applies `fault` to the connection of the request. */
export const faulty =
  (fault: Fault): RequestListener =>
  (req) =>
    fault(req.socket);
export const silent = faulty(neverAnswer);
/** Answers `status`, with a body and the headers that name the attempt. */
export const answers =
  (status: number): RequestListener =>
  (_req, res) =>
    res.writeHead(status).end('a body that no client of ours may see');

/** Holds requests back until `release` is called, and then passes them on to `listener`. */
export function held(listener: RequestListener): {
  listener: RequestListener;
  release: () => void;
} {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { listener: (req, res) => void released.then(() => listener(req, res)), release };
}

/** A payment service: `pay` answers the payments and `revoke` the voids. */
export const paymentService =
  (pay: RequestListener, revoke: RequestListener): RequestListener =>
  (req, res) =>
    (req.url?.startsWith('/pay') ? pay : revoke)(req, res);
