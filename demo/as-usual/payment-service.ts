// payment-service written the usual way; order-service.ts names the sources.
import express from 'express';
import { pino } from 'pino';

const { PORT = '8082', PAYMENT_DURATION_MS = '3000' } = process.env;
const logger = pino({ name: 'payment-service' });
const app = express();

app.post('/pay', async (req, res) => {
  const { orderID } = req.query;
  const log = logger.child({ requestId: req.get('x-request-id'), orderID });
  // MDN, "async function": work that takes time.
  await new Promise((resolve) => setTimeout(resolve, Number(PAYMENT_DURATION_MS)));
  log.info(`Payment processed for order: ${orderID}`);
  res.send(`Payment for order ${orderID} completed`);
});

const server = app.listen(Number(PORT), '127.0.0.1', () =>
  logger.info(server.address(), 'Listening on 127.0.0.1'),
);
