// Fastify, the fast framework, with undici.
import { fastify, LogController } from 'fastify';
import { request } from 'undici';

interface Order {
  productID?: string;
  orderID?: string;
}

const { INVENTORY_URL, PAYMENT_URL } = process.env;
const logController = new LogController({ disableRequestLogging: true });
const app = fastify({ logger: true, logController });

app.get<{ Querystring: Order }>('/order', async (req, reply) => {
  const { productID = '1234', orderID = 'orderID-5678' } = req.query;
  const client = new AbortController();
  reply.raw.on('close', () => client.abort());
  const call = async (method: 'GET' | 'POST', url: string, query: Order) => {
    const signal = AbortSignal.any([client.signal, AbortSignal.timeout(5000)]);
    const { statusCode, body } = await request(url, { method, query, signal });
    await body.text();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
  };
  try {
    await call('GET', `${INVENTORY_URL}/check`, { productID });
    await call('POST', `${PAYMENT_URL}/pay`, { orderID });
    req.log.info({ productID, orderID }, 'Order successfully processed');
    return 'Order successfully processed';
  } catch (error) {
    req.log.info({ productID, orderID, error: String(error) }, 'Order failed');
    return reply.status(500).send('Order failed');
  }
});

await app.listen({ port: 0 });
app.log.info(app.server.address(), 'Listening');
