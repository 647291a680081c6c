// node:http alone: the limit of the runtime.
import { Agent, createServer, request } from 'node:http';

const { INVENTORY_URL, PAYMENT_URL } = process.env;
const agent = new Agent({ keepAlive: true });

const log = (line: object | string | null) =>
  process.stdout.write(`${JSON.stringify({ level: 30, time: Date.now(), ...Object(line) })}\n`);

const server = createServer(async (req, res) => {
  if (req.url === '/health') {
    res.end('ok');
    return;
  }
  const { searchParams } = new URL(req.url ?? '', 'http://localhost');
  const productID = searchParams.get('productID') ?? '1234';
  const orderID = searchParams.get('orderID') ?? 'orderID-5678';
  const client = new AbortController();
  req.socket.once('close', abort);
  try {
    await call('GET', `${INVENTORY_URL}/check?productID=${productID}`, client.signal);
    await call('POST', `${PAYMENT_URL}/pay?orderID=${orderID}`, client.signal);
    log({ productID, orderID, msg: 'Order successfully processed' });
    res.end('Order successfully processed');
  } catch (error) {
    log({ productID, orderID, error: String(error), msg: 'Order failed' });
    res.writeHead(500).end('Order failed');
  } finally {
    req.socket.off('close', abort);
  }
  function abort() {
    client.abort();
  }
});

async function call(method: 'GET' | 'POST', url: string, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(url, { method, agent, signal }, (answer) => {
      answer.resume().once('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${answer.statusCode}`));
      });
      answer.once('error', reject);
    });
    const timer = setTimeout(() => outgoing.destroy(new Error('timed out')), 5000);
    outgoing.once('error', reject).once('close', () => clearTimeout(timer));
    outgoing.end();
  });
}

server.listen(0, () => log({ ...Object(server.address()), msg: 'Listening' }));
