import { expect, onTestFinished, test } from 'vitest';

import { hasOpenssl } from '../../test/support/test-certificates.ts';
import { TlsAuthority } from '../../test/support/tls-authority.ts';
import { ownUrl } from './address.ts';

const plain = (host: string, ...publicHosts: readonly string[]): string =>
  ownUrl(8085, { hosts: [host], publicHosts, tlsCert: null });

test('an address that is listened on is called by itself, whatever other names there are', () => {
  expect(plain('127.0.0.1', 'pubsub.example.com')).toBe('http://127.0.0.1:8085');
  expect(plain('::1')).toBe('http://[::1]:8085');
});

test('a wildcard is called by the first public name, else by the loopback', () => {
  expect(plain('0.0.0.0', 'pubsub.example.com', 'other')).toBe('http://pubsub.example.com:8085');
  expect(plain('0.0.0.0')).toBe('http://127.0.0.1:8085');
  expect(plain('::')).toBe('http://[::1]:8085');
});

test.skipIf(!hasOpenssl)('with TLS a name that the certificate lacks is passed over', () => {
  const authority = new TlsAuthority();
  onTestFinished(() => authority.remove());
  const url = (names: string, host: string, ...publicHosts: readonly string[]): string => {
    const { certFile } = authority.issue('/CN=test', names);
    return ownUrl(443, { hosts: [host], publicHosts, tlsCert: certFile });
  };
  const names = 'DNS:pubsub.example.com';
  expect(url(names, '127.0.0.1', 'pubsub.example.com')).toBe('https://pubsub.example.com:443');
  expect(url(names, '10.0.0.1', 'old.example.com', 'pubsub.example.com')).toBe(
    'https://pubsub.example.com:443',
  );
  expect(url('DNS:localhost', '0.0.0.0')).toBe('https://localhost:443');
  expect(url('IP:127.0.0.1', '127.0.0.1', 'pubsub.example.com')).toBe('https://127.0.0.1:443');
  expect(url('DNS:elsewhere', '0.0.0.0', 'pubsub.example.com')).toBe(
    'https://pubsub.example.com:443',
  );
});
