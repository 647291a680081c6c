/** What is to happen at least once in a good number of runs. */
export const CROSSINGS = [
  'a commit crosses a hang-up',
  'a commit crosses a recovery',
  'a commit outlives its order-service',
  'a hang-up or a void stops the work',
  'a payment finds its tombstone',
  'a retry is refused',
  'a retry reads that its order is processed',
  'a step after the payment fails',
  'a void meets a payment that is canceled',
  'a void meets a payment that is not there yet',
  'a void meets a payment that is pending',
  'a void meets a payment that is processed',
  'a void meets a payment that is voided',
  'an open attempt is taken for an orphan',
  'nobody knows a verdict',
  'what follows the payment is undone',
];
