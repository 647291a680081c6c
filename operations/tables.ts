import { PRODUCTS } from '../inventory-service/src/stock/postgres.ts';
import { ATTEMPTS } from '../order-service/src/attempts/postgres.ts';
import { PAYMENTS } from '../payment-service/src/ledger/postgres.ts';

export const TABLES = [ATTEMPTS, PAYMENTS, PRODUCTS];

export { ATTEMPTS, PAYMENTS };
