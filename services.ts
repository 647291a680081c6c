/**
 * The services: the port that each has by default, and the variable that says how long its simulated work takes.
 * order-service calls all the others. Whatever starts, watches, tests or measures them reads this list:
 * docs/add-a-step.md says what one more takes.
 */
export const SERVICES = [
  { name: 'order', port: 8080 },
  { name: 'inventory', port: 8081, work: 'CHECK_DURATION_MS' },
  { name: 'payment', port: 8082, work: 'PAYMENT_DURATION_MS' },
] as const;

export type ShortName = (typeof SERVICES)[number]['name'];
/** A service's own name, and its folder. */
export type ServiceName = `${ShortName}-service`;
/** One that order-service calls. */
export type CalledName = Exclude<ShortName, 'order'>;

const isCalled = (name: ShortName): name is CalledName => name !== 'order';
export const CALLED = SERVICES.map(({ name }) => name).filter(isCalled);

/** A variable that is about a service: `INVENTORY_URL`. */
export const variableOf = (name: string, what: 'URL' | 'PORT') => `${name.toUpperCase()}_${what}`;

/** The environment in which no service takes any time for its work. */
export const NO_WORK: Record<string, string> = Object.fromEntries(
  SERVICES.flatMap((service) => ('work' in service ? [[service.work, '0']] : [])),
);

/** What `make` resolves with for each service that order-service calls. */
export async function forEachCalled<Made>(
  make: (name: CalledName) => Promise<Made>,
): Promise<Record<CalledName, Made>> {
  const made = await Promise.all(CALLED.map(async (name) => [name, await make(name)] as const));
  return Object.fromEntries(made) as Record<CalledName, Made>;
}

/** The variables that tell order-service where the services are that it calls. */
export function urlVariables(
  called: Readonly<Record<CalledName, { url: string }>>,
): Record<string, string> {
  return Object.fromEntries(CALLED.map((name) => [variableOf(name, 'URL'), called[name].url]));
}
