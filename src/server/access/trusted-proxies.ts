/** The proxies in front of the service whose `X-Forwarded-For` is trusted. */
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { ShmTableError, show } from '../../errors.js';

/** Proxies that reach the service through its Unix socket, and have no address. */
const SOCKET = 'unix';

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

const WITH_PORT = /^(?:\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+)$/;
const ZONE = /%[^%]*$/;

/** Whether the peer with an address is a trusted proxy; a peer of a Unix socket has none. */
type Trust = (address: string | undefined) => boolean;

/** @throws {ShmTableError} ERR_ARGUMENT when a name is neither an address nor a network nor a group of them */
export function trustOf(proxies: readonly string[]): Trust {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    if (proxy !== SOCKET) for (const network of GROUPS[proxy] ?? [proxy]) add(trusted, network);
  }
  const trustsSocket = proxies.includes(SOCKET);
  return (given) => {
    if (given === undefined) return trustsSocket;
    const address = bare(given);
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * The address of the client of a request; undefined if it has none. What a proxy sends as one but is none, perhaps
 * whatever its client claimed, counts as the proxy itself.
 */
export function clientAddress({ ip, raw: { socket } }: FastifyRequest): string | undefined {
  if (ip === undefined) return undefined;
  const address = bare(ip);
  return isIP(address) === 0 ? socket.remoteAddress : address;
}

/** An address without the port, which some proxies add, and without the zone. */
function bare(address: string): string {
  const [, v6, v4] = WITH_PORT.exec(address) ?? [];
  return (v6 ?? v4 ?? address).replace(ZONE, '');
}

function add(trusted: BlockList, network: string): void {
  const [address, bits, ...more] = network.split('/');
  const family = isIP(address);
  const widest = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? widest : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : -1;
  if (family === 0 || more.length > 0 || prefix < 0 || prefix > widest) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `trustedProxies: must be addresses, networks such as 10.0.0.0/8, ${Object.keys(GROUPS).join(', ')} or ${SOCKET}, ` +
        `got ${show(network)}`,
    );
  }
  trusted.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
}
