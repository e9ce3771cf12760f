import { describe, expect, test } from 'vitest';

import { AddressPolicy, type AddressPolicyOptions } from './address-policy.ts';
import { parseIpAddress } from './ip-address.ts';

function policy(given: Partial<AddressPolicyOptions> = {}): AddressPolicy {
  const machineAddresses = (): string[] => ['192.0.2.7', 'fe80::7%eth0', '8.8.4.4'];
  const ownListeners = (): [] => [];
  return new AddressPolicy({
    isLoopbackOnly: false,
    allow: [],
    ownListeners,
    machineAddresses,
    ...given,
  });
}

/** Everything that is allowed at all is allowed here. */
const open = policy({ isLoopbackOnly: true, allow: ['0.0.0.0/0', '::/0'] });

describe('never called, whatever is allowed', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['169.254.169.254', 'metadata service'],
    ['169.254.170.2', 'link-local'],
    ['169.254.0.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'link-local'],
    ['fd00:ec2::254', 'metadata service'],
    ['fd00:ec2::23', 'metadata service'],
    ['fd00:ec2:0:0:1::23', 'metadata service'],
    ['fd20:ce::254', 'metadata service'],
    ['100.100.100.200', 'metadata service'],
    ['168.63.129.16', 'metadata service'],
    ['192.0.0.192', 'metadata service'],
    ['192.0.0.8', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['198.51.100.1', 'reserved'],
    ['203.0.113.1', 'reserved'],
    ['192.88.99.1', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.250', 'multicast'],
    ['ff02::1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['100::1', 'reserved'],
    ['2001::1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['3fff::1', 'reserved'],
    ['64:ff9b:1::1', 'reserved'],
    ['4000::1', 'reserved'],
    // The deprecated IPv4-compatible form.
    ['::127.0.0.1', 'reserved'],
    ['::ffff:169.254.169.254', 'metadata service'],
    ['::ffff:a9fe:a9fe', 'metadata service'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'metadata service'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['64:ff9b::a9fe:a9fe', 'leads to 169.254.169.254, metadata service'],
    ['64:ff9b::10.0.0.1', 'leads to 10.0.0.1, private'],
    ['64:ff9b::127.0.0.1', 'leads to 127.0.0.1, loopback'],
    ['2002:a9fe:a9fe::1', 'leads to 169.254.169.254, metadata service'],
    ['2002:7f00:1::', 'leads to 127.0.0.1, loopback'],
    ['2002:c0a8:101::1', 'leads to 192.168.1.1, private'],
  ])('%s is %s', (address, why) => {
    expect(open.refusal(address, 443)).toBe(why);
  });

  test.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '0x7f.0.0.1', '[::1', ':::', 'é'])(
    '%j is no address',
    (text) => {
      expect(open.refusal(text, 80)).toBe('no address');
    },
  );
});

const local = [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['10.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['100.127.255.255', 'private'],
  ['198.19.0.1', 'private'],
  ['fc00::1', 'private'],
  ['fdff::1', 'private'],
  ['::ffff:10.0.0.1', 'private'],
] as const;

describe('loopback and private addresses', () => {
  test.each(local)('%s is called while we listen on loopback only', (address) => {
    expect(policy({ isLoopbackOnly: true }).refusal(address, 80)).toBeNull();
  });

  test.each(local)('%s is refused as %s once we listen beyond loopback', (address, kind) => {
    expect(policy().refusal(address, 80)).toBe(`${kind}, see --outgoing-allow`);
  });

  test('are called if a subnet of theirs is allowed, and no others', () => {
    const some = policy({ allow: ['10.1.0.0/16', '127.0.0.1/32', 'fd00:1::/32'] });
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '127.0.0.1', 'fd00:1::5']) {
      expect(some.refusal(address, 80), address).toBeNull();
    }
    for (const address of ['10.2.0.1', '127.0.0.2', '::1', 'fd00:2::5']) {
      expect(some.refusal(address, 80), address).toContain('--outgoing-allow');
    }
  });
});

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '11.0.0.1',
  '9.255.255.255',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '169.253.255.255',
  '169.255.0.1',
  '223.255.255.255',
  '128.0.0.1',
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
])('%s is public, and called from anywhere', (address) => {
  expect(policy().refusal(address, 443)).toBeNull();
});

describe('our own listeners', () => {
  const at = (address: string): AddressPolicy =>
    policy({
      isLoopbackOnly: true,
      allow: ['0.0.0.0/0', '::/0'],
      ownListeners: () => [{ address, port: 8085 }],
    });

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '127.9.9.9'],
    ['127.0.0.1', '::1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['::1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', '8.8.4.4'],
    ['::', '::1'],
    ['::', '8.8.4.4'],
    ['8.8.4.4', '8.8.4.4'],
    ['8.8.4.4', '::ffff:8.8.4.4'],
    ['8.8.4.4', '64:ff9b::8.8.4.4'],
    ['0.0.0.0', '64:ff9b::8.8.4.4'],
    ['::', '2002:808:404::1'],
  ])('while we listen on %s, %s is ours at that port, and not at another', (own, address) => {
    expect(at(own).refusal(address, 8085)).toBe('our own listener');
    expect(at(own).refusal(address, 8086)).toBeNull();
  });

  test('another machine at the same port is another', () => {
    expect(at('0.0.0.0').refusal('8.8.8.8', 8085)).toBeNull();
    expect(at('8.8.4.4').refusal('127.0.0.1', 8085)).toBeNull();
  });

  test('the port is asked at each request, for it becomes known late', () => {
    let port = 0;
    const late = policy({
      isLoopbackOnly: true,
      ownListeners: () => [{ address: '127.0.0.1', port }],
    });
    expect(late.refusal('127.0.0.1', 8085)).toBeNull();
    port = 8085;
    expect(late.refusal('127.0.0.1', 8085)).toBe('our own listener');
  });

  test("the machine's own addresses are those of the system", () => {
    const system = new AddressPolicy({
      isLoopbackOnly: true,
      allow: [],
      ownListeners: () => [{ address: '0.0.0.0', port: 1 }],
    });
    expect(system.refusal('127.0.0.1', 1)).toBe('our own listener');
    expect(system.refusal('10.255.0.77', 1)).toBeNull();
  });
});

test('an address has one spelling', () => {
  expect(parseIpAddress('[FD00:0:0:0:0:0:0:1]')?.text).toBe('fd00::1');
  expect(parseIpAddress('::FFFF:1.2.3.4')).toEqual({ family: 'ipv4', text: '1.2.3.4' });
  expect(parseIpAddress('64:FF9B::1.2.3.4')?.embedded).toBe('1.2.3.4');
});
