// inventory-service written the usual way; order-service.ts names the sources.
import express from 'express';
import { pino } from 'pino';

const { PORT = '8081', CHECK_DURATION_MS = '2000' } = process.env;
const logger = pino({ name: 'inventory-service' });
const app = express();

app.get('/check', async (req, res) => {
  const { productID } = req.query;
  const log = logger.child({ requestId: req.get('x-request-id'), productID });
  // MDN, "async function": work that takes time.
  await new Promise((resolve) => setTimeout(resolve, Number(CHECK_DURATION_MS)));
  log.info(`Inventory check completed for product: ${productID}`);
  res.send(`Product ${productID} is available`);
});

const server = app.listen(Number(PORT), '127.0.0.1', () =>
  logger.info(server.address(), 'Listening on 127.0.0.1'),
);
