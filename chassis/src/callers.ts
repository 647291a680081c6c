import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/** The answer to a request that must not reach a route. */
export interface Refusal {
  status: 400 | 403 | 421;
  message: string;
}

/** The names that a Host header may contain, in lower case and without a port. Undefined allows all. */
export type AllowedHosts = readonly string[] | undefined;

const LOOPBACK = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\]|\[::ffff:7f\w\w:\w+\])$/;

/**
 * A service's name on a container network. It has no dot, so nobody can register it as a domain for DNS
 * rebinding.
 */
const SERVICE_NAME = /^[a-z\d-]+-service$/;

/** A Host header: the host, which is captured, and an optional port, which may be empty. */
const AUTHORITY = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]\\]*)(?::\d*)?$/i;

/** Whether `value` is valid for ALLOWED_HOSTS: hosts without a port, separated by commas, or `*` for all. */
export function isHostList(value: string): boolean {
  const isHost = (host: string) => /^(?:\*|[\w.-]+)$/.test(host) || isIPv6(withoutBrackets(host));
  return hostsIn(value).every(isHost);
}

/**
 * The hosts of ALLOWED_HOSTS, which a server that listens on `host` accepts besides its own names. Undefined,
 * which accepts all, if that variable is not set, unless the server listens on a loopback address or is
 * published on one (BIND_ADDRESS): there, DNS rebinding would let a web page reach a server that only this
 * machine can reach.
 */
export function readAllowedHosts(env: NodeJS.ProcessEnv, host: string): AllowedHosts {
  const named = hostsIn(env.ALLOWED_HOSTS ?? '');
  if (named.includes('*')) return undefined;
  const isLocal = [host, env.BIND_ADDRESS ?? ''].some((name) => LOOPBACK.test(canonical(name)));
  return isLocal || named.length > 0 ? named.map(canonical) : undefined;
}

/**
 * Why a request is refused, or undefined. Browsers send the origin of a web page in headers that the page
 * cannot change (https://www.w3.org/TR/fetch-metadata/). curl, services and probes send none of them.
 */
export function refusalOf(req: IncomingMessage, allowed: AllowedHosts): Refusal | undefined {
  const { headers, rawHeaders, url = '', socket } = req;
  const { host, origin, 'sec-fetch-site': site = 'none', purpose } = headers;
  const name = AUTHORITY.exec(host ?? '')?.[1];
  // RFC 9112, section 3.2. Of several Host headers Node keeps the first.
  if (name === undefined || hasSecondHost(rawHeaders)) {
    return { status: 400, message: 'Host is not valid' };
  }
  // HTTP/1.0 does not require a Host, and no browser omits it. A target may be an absolute URL.
  const named = host === undefined ? [] : [name];
  const target = /^[a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url)?.[1];
  if (target !== undefined) named.push(AUTHORITY.exec(target)?.[1] ?? '');
  const isOwn = (other: string) =>
    isOwnHost(other.toLowerCase(), socket.localAddress, allowed ?? []);
  if (allowed && !named.every(isOwn)) {
    return { status: 421, message: 'Host is not one of this service' };
  }
  const isForeign = (site !== 'none' && site !== 'same-origin') || !isOwnOrigin(origin, host);
  if (isForeign) return { status: 403, message: 'Not for a page of another origin' };
  // Browsers prefetch while a user is still typing an address: nobody has asked for the answer yet.
  const isPrefetch = /prefetch/i.test(String(headers['sec-purpose'] ?? purpose ?? ''));
  return isPrefetch ? { status: 403, message: 'Not for a prefetch' } : undefined;
}

/** `localAddress` is the server's end of the connection. Unlike a name, an address cannot be rebound. */
function isOwnHost(name: string, localAddress = '', allowed: readonly string[]): boolean {
  const host = name.replace(/\.$/, '');
  if (LOOPBACK.test(host) || SERVICE_NAME.test(host) || allowed.includes(host)) return true;
  return host === canonical(localAddress.replace(/^::ffff:/, ''));
}

function isOwnOrigin(origin: string | undefined, host = ''): boolean {
  if (origin === undefined) return true;
  const authority = /^https?:\/\/(.+)$/i.exec(origin)?.[1];
  return authority?.toLowerCase() === host.toLowerCase();
}

function hasSecondHost(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

function hostsIn(list: string): string[] {
  return list.split(',').flatMap((host) => host.trim() || []);
}

/** A host as browsers write it: in lower case, an IPv6 address shortened and in brackets. */
function canonical(host: string): string {
  const bare = withoutBrackets(host).replace(/\.$/, '');
  const url = `http://${isIPv6(bare) ? `[${bare}]` : bare}`;
  return URL.canParse(url) ? new URL(url).hostname : bare.toLowerCase();
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
