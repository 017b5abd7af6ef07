import { lookup as lookUp, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

const own = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  own.addSubnet(address, prefix, 'ipv4');
for (const [address, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  own.addSubnet(address, prefix, 'ipv6');

/**
 * Whether an IP address belongs to this machine or a network of one's own (loopback, private, link-local, shared,
 * multicast), where nothing is that a public list of addresses should lead to.
 *
 * @param address - IPv4 or IPv6, also IPv4 written as IPv6.
 */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return own.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** An error about an address of this machine or a network of one's own. */
export class PrivateAddressError extends Error {
  constructor(host: string, address: string) {
    super(`${host} is a private address${host === address ? '' : ` (${address})`}`);
  }
}

/** What a look-up gives back. */
type Found = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Looks a host up for a connection and refuses private addresses: the one that is checked is the one that is connected to,
 * whatever a name says the next time.
 */
export function publicLookup(host: string, options: LookupOptions, found: Found): void {
  lookUp(host, { ...options, all: true }, (error, addresses) => {
    if (error) {
      found(error, '');
      return;
    }
    const bad = addresses.find(({ address }) => isPrivateAddress(address));
    if (bad) found(new PrivateAddressError(host, bad.address), '');
    else if (options.all === true) found(null, addresses);
    else found(null, addresses[0]!.address, addresses[0]!.family);
  });
}
