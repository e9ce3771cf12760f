import { BlockList } from 'node:net';

import type { IpAddress } from './ip-address.ts';

/** What an address is for, as far as it decides whether users may aim at it. */
export type AddressKind = 'public' | 'loopback' | 'private' | ForbiddenKind;

/** Never called, whatever is allowed. */
export type ForbiddenKind =
  | 'unspecified'
  | 'link-local'
  | 'metadata service'
  | 'multicast'
  | 'broadcast'
  | 'reserved';

interface Range {
  readonly kind: AddressKind;
  readonly subnets: readonly string[];
}

/**
 * The first range that fits decides. Sources: IANA's special-purpose registries (RFC 6890) and the
 * metadata addresses that AWS, Google, Azure, Oracle and Alibaba document.
 */
const ranges: readonly Range[] = [
  {
    kind: 'metadata service',
    subnets: [
      '169.254.169.254/32',
      '100.100.100.200/32',
      '168.63.129.16/32',
      '192.0.0.192/32',
      'fd00:ec2::/32',
      'fd20:ce::254/128',
    ],
  },
  { kind: 'unspecified', subnets: ['0.0.0.0/8', '::/128'] },
  { kind: 'link-local', subnets: ['169.254.0.0/16', 'fe80::/10', 'fec0::/10'] },
  { kind: 'broadcast', subnets: ['255.255.255.255/32'] },
  { kind: 'multicast', subnets: ['224.0.0.0/4', 'ff00::/8'] },
  { kind: 'loopback', subnets: ['127.0.0.0/8', '::1/128'] },
  {
    kind: 'private',
    subnets: [
      '10.0.0.0/8',
      '100.64.0.0/10',
      '172.16.0.0/12',
      '192.168.0.0/16',
      '198.18.0.0/15',
      'fc00::/7',
    ],
  },
  {
    kind: 'reserved',
    subnets: [
      '192.0.0.0/24',
      '192.0.2.0/24',
      '192.88.99.0/24',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '240.0.0.0/4',
      '2001::/23',
      '2001:db8::/32',
      '3fff::/20',
    ],
  },
  // Of IPv6 only this has been given out (RFC 4291, 2.4), beside what NAT64 makes of IPv4.
  { kind: 'public', subnets: ['0.0.0.0/0', '2000::/3', '64:ff9b::/96'] },
];

const lists = ranges.map(({ kind, subnets }) => ({ kind, list: subnetList(subnets) }));

/** Judges the address itself; what it embeds is for the caller to judge as well. */
export function kindOf({ text, family }: IpAddress): AddressKind {
  return lists.find(({ list }) => list.check(text, family))?.kind ?? 'reserved';
}

/** `ADDRESS/BITS` each, checked before. */
export function subnetList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/');
    list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}
