import { afterAll, beforeAll, expect } from 'vitest';
import { send } from '../../harness/clients.ts';
import { ComposeStack, PORTS } from '../../harness/compose-stack.ts';
import type { ServiceName } from '../../services.ts';
import { SERVICE_NAMES } from '../../services.ts';
import { scene } from '../support/scene.ts';

const stack = new ComposeStack();
beforeAll(() => stack.up());
afterAll(() => stack.down());

/** Each service's status for a request with that Host header, in the order of SERVICE_NAMES. */
const answersTo = (host: (service: ServiceName) => string) =>
  Promise.all(
    SERVICE_NAMES.map(async (service) => {
      const url = `http://127.0.0.1:${PORTS[service]}/health`;
      return (await send(url, { headers: { host: host(service) } }).answer).status;
    }),
  );

scene(
  'requests with the names of each service as Host, and with another',
  '200, and 421',
  async () => {
    expect(await answersTo((service) => `localhost:${PORTS[service]}`)).toEqual([200, 200, 200]);
    expect(await answersTo((service) => `${service}:${PORTS[service]}`)).toEqual([200, 200, 200]);
    expect(await answersTo(() => 'evil.example')).toEqual([421, 421, 421]);
    return 'by localhost and by the name of the service 200, by another name 421';
  },
);

scene('BIND_ADDRESS=0.0.0.0', 'publishes order-service alone, under any name', async () => {
  await stack.up({ BIND_ADDRESS: '0.0.0.0' });
  const format = '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}}{{end}}{{end}}';
  const addresses = await Promise.all(
    SERVICE_NAMES.map((service) => stack.inspect(service, format)),
  );
  expect(addresses).toEqual(['0.0.0.0', '127.0.0.1', '127.0.0.1']);
  expect(await answersTo(() => 'shop.example')).toEqual([200, 421, 421]);
  return addresses.join(', ');
});
