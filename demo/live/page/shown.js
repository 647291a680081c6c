// @ts-check
import { newest, orders } from './runs.js';

/** @import { Order } from './runs.js' */

let selected = '';

/** The order that the chart shows: the one that was picked, or else the newest. @returns {Order | undefined} */
export const shownOrder = () => orders.get(selected) ?? newest;

/** Shows the order with this id; the newest one without. */
export const showOrder = (id = '') => {
  selected = id;
};
