// Express and axios, written the usual way.
import axios from 'axios';
import express from 'express';
import { pino } from 'pino';

const { INVENTORY_URL, PAYMENT_URL } = process.env;
const logger = pino();
const app = express();

app.get('/order', async (req, res) => {
  const { productID = '1234', orderID = 'orderID-5678' } = req.query;
  const client = new AbortController();
  res.on('close', () => client.abort());
  try {
    await axios.get(`${INVENTORY_URL}/check`, {
      params: { productID },
      signal: AbortSignal.any([client.signal, AbortSignal.timeout(5000)]),
    });
    await axios.post(`${PAYMENT_URL}/pay`, null, {
      params: { orderID },
      signal: AbortSignal.any([client.signal, AbortSignal.timeout(5000)]),
    });
    logger.info({ productID, orderID }, 'Order successfully processed');
    res.send('Order successfully processed');
  } catch (error) {
    logger.info({ productID, orderID, error: String(error) }, 'Order failed');
    res.status(500).send('Order failed');
  }
});

const server = app.listen(0, () => logger.info(server.address(), 'Listening'));
