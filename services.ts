/**
 * The services, each with its default port and the variable that sets how long its simulated work takes.
 * order-service calls all the others, in this order. All programs that start, watch, test or measure services read this
 * list; docs/add-a-step.md shows how to add one.
 */
export const SERVICES = [
  { name: 'order', port: 8080 },
  { name: 'inventory', port: 8081, work: 'CHECK_DURATION_MS' },
  { name: 'payment', port: 8082, work: 'PAYMENT_DURATION_MS' },
] as const;

export type ShortName = (typeof SERVICES)[number]['name'];
/** A service's full name, which is also its folder. */
export type ServiceName = `${ShortName}-service`;
/** The full names, in the order of SERVICES. */
export const SERVICE_NAMES = SERVICES.map(({ name }): ServiceName => `${name}-service`);
/** A service that order-service calls. */
export type CalledName = Exclude<ShortName, 'order'>;

const isCalled = (name: ShortName): name is CalledName => name !== 'order';
export const CALLED = SERVICES.map(({ name }) => name).filter(isCalled);

/** The name of a service's variable: `INVENTORY_URL`. */
export const variableOf = (name: string, what: 'URL' | 'PORT') => `${name.toUpperCase()}_${what}`;

/** The variables with which the simulated work of every service takes no time. */
export const NO_WORK: Record<string, string> = Object.fromEntries(
  SERVICES.flatMap((service) => ('work' in service ? [[service.work, '0']] : [])),
);

/** Calls `make` for each service that order-service calls, all at once. Resolves with the results by name. */
export async function forEachCalled<Made>(
  make: (name: CalledName) => Promise<Made>,
): Promise<Record<CalledName, Made>> {
  const made = await Promise.all(CALLED.map(async (name) => [name, await make(name)] as const));
  return Object.fromEntries(made) as Record<CalledName, Made>;
}

/** The variables with the URLs of the services that order-service calls. */
export function urlVariables(
  called: Readonly<Record<CalledName, { url: string }>>,
): Record<string, string> {
  return Object.fromEntries(CALLED.map((name) => [variableOf(name, 'URL'), called[name].url]));
}
