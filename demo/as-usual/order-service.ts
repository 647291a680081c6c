// order-service written the usual way: each line follows the source in its comment. None of the sources teaches
// to notice that the client has left, to pass that on, or to undo a charge.
import axios from 'axios'; // npm's most used HTTP client
import express from 'express';
import { pino } from 'pino'; // Express, "Production best practices": no console.log

// The Twelve-Factor App, "III. Config".
const { PORT = '8080' } = process.env;
const { INVENTORY_URL = 'http://localhost:8081' } = process.env;
const { PAYMENT_URL = 'http://localhost:8082' } = process.env;
const logger = pino({ name: 'order-service' }); // pino's README, "Usage"
const app = express(); // Express, "Hello world example"

// axios' README, "Creating an instance"; posts on axios timeouts: "never call without one".
const inventory = axios.create({ baseURL: INVENTORY_URL, timeout: 5000 });
const payment = axios.create({ baseURL: PAYMENT_URL, timeout: 5000 });

// Express 5, "Error handling": an async handler.
app.get('/order', async (req, res) => {
  const { productID = '1234', orderID = 'orderID-5678' } = req.query; // Express, `req.query`
  const requestId = req.get('x-request-id'); // posts on correlation ids: read it, log it, pass it on
  const log = logger.child({ requestId, orderID }); // pino's README, "child loggers"
  const headers = { 'x-request-id': requestId }; // axios, "Request config"
  log.info(`Placing order for product: ${productID}`);
  try {
    await inventory.get('/check', { params: { productID }, headers }); // axios' README, "async/await"
    await payment.post('/pay', null, { params: { orderID }, headers });
    log.info('Order successfully processed');
    res.send('Order successfully processed');
  } catch (error) {
    // axios, "Handling errors", and posts on microservices: log it, answer 500 without detail.
    log.error(`Order failed: ${error instanceof Error ? error.message : error}`);
    res.status(500).send('Order failed');
  }
});

// Express, "Hello world example"; on this machine alone, since this is a demo.
const server = app.listen(Number(PORT), '127.0.0.1', () =>
  logger.info(server.address(), 'Listening on 127.0.0.1'),
);
