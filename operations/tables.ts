import { PRODUCTS } from '../inventory-service/src/query-inventory.ts';
import { ATTEMPTS } from '../order-service/src/attempts-table.ts';
import { PAYMENTS } from '../payment-service/src/payments-table.ts';

/** The tables of the three services. */
export const TABLES = [ATTEMPTS, PAYMENTS, PRODUCTS];

export { ATTEMPTS, PAYMENTS };
