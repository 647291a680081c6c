// inventory-service written the usual way: Express and a pool of pg. A client's hang-up changes nothing.
import express from 'express';
import pg from 'pg';
import { pino } from 'pino';

const { DATABASE_URL, DATABASE_CONNECTIONS, CHECK_DURATION_MS } = process.env;
const logger = pino();
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(DATABASE_CONNECTIONS) });
const app = express();

const CHECK = `
  select products.id from (select pg_sleep($2)) as work left join products on products.id = $1`;

app.get('/check', async (req, res) => {
  const { productID } = req.query;
  try {
    await pool.query(CHECK, [productID, Number(CHECK_DURATION_MS) / 1000]);
    logger.info({ productID }, 'Inventory check completed');
    res.send(`Product ${productID} is available`);
  } catch (error) {
    logger.error({ productID, error: String(error) }, 'Inventory check failed');
    res.status(500).send('Inventory check failed');
  }
});

await pool.query('create table if not exists products (id text primary key)');
const server = app.listen(0, '127.0.0.1', () => logger.info(server.address(), 'Listening'));
