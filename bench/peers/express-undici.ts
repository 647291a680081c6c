// Express, with undici instead of axios.
import express from 'express';
import { pino } from 'pino';
import { request } from 'undici';

const { INVENTORY_URL, PAYMENT_URL } = process.env;
const logger = pino();
const app = express();

app.get('/order', async (req, res) => {
  const { productID = '1234', orderID = 'orderID-5678' } = req.query;
  const client = new AbortController();
  res.on('close', () => client.abort());
  const call = async (method: 'GET' | 'POST', url: string, query: Record<string, unknown>) => {
    const signal = AbortSignal.any([client.signal, AbortSignal.timeout(5000)]);
    const { statusCode, body } = await request(url, { method, query, signal });
    await body.text();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
  };
  try {
    await call('GET', `${INVENTORY_URL}/check`, { productID });
    await call('POST', `${PAYMENT_URL}/pay`, { orderID });
    logger.info({ productID, orderID }, 'Order successfully processed');
    res.send('Order successfully processed');
  } catch (error) {
    logger.info({ productID, orderID, error: String(error) }, 'Order failed');
    res.status(500).send('Order failed');
  }
});

const server = app.listen(0, () => logger.info(server.address(), 'Listening'));
