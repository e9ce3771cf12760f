import { describe, expect, test } from 'vitest';

import { RegistryHosts } from './registry-hosts.ts';

const named = ['gcr.io', 'registry.example:5000', '127.0.0.1:5055', 'localhost:5056', '[::1]:5057'];
const hosts = new RegistryHosts(named, [
  { host: 'us-docker.pkg.dev', url: 'http://127.0.0.1:5060' },
]);

describe('the place of a registry', () => {
  test.each([
    ['gcr.io', 'https://gcr.io', 'gcr.io'],
    ['registry.example:5000', 'https://registry.example:5000', 'registry.example:5000'],
    ['127.0.0.1:5055', 'http://127.0.0.1:5055', '127.0.0.1:5055'],
    ['localhost:5056', 'http://localhost:5056', 'localhost:5056'],
    ['[::1]:5057', 'http://[::1]:5057', '[::1]:5057'],
    // Its credentials are the mirror's own: those of the registry are not for it.
    ['us-docker.pkg.dev', 'http://127.0.0.1:5060', '127.0.0.1:5060'],
  ])('%s is %s: plain HTTP on this machine only', (host, origin, credentials) => {
    expect(hosts.placeOf(host)).toEqual({ origin, host: credentials });
  });

  test.each([
    'registry.example',
    'gcr.io:8443',
    'eu.gcr.io',
    '127.0.0.1',
    '127.0.0.1:5060',
    'docker.io',
  ])('%s has none: it is not named', (host) => {
    expect(hosts.placeOf(host)).toBeNull();
  });

  test("docker.io is at Docker's own names", () => {
    const hub = new RegistryHosts(['docker.io'], []);
    expect(hub.placeOf('docker.io')?.origin).toBe('https://registry-1.docker.io');
    const realm = 'https://auth.docker.io/token';
    expect(hub.led('docker.io', realm, 'about:blank', 'token realm').href).toBe(realm);
  });
});

describe('a registry may send us', () => {
  test.each([
    'https://gcr.io/v2/x',
    'https://gcr.io:443/v2/x',
    'https://registry.example:5000/x',
    'http://127.0.0.1:5055/x',
    'https://127.0.0.1:5055/x',
    'http://127.0.0.1:5060/x',
    'http://127.1:5055/x',
    '/v2/elsewhere',
  ])('to %s', (location) => {
    expect(hosts.led('gcr.io', location, 'https://gcr.io/', 'redirect').host).not.toBe('');
  });

  test.each([
    'http://gcr.io/x',
    'https://gcr.io:8443/x',
    'https://gcr.io.evil.example/x',
    'https://gcr.io@evil.example/x',
    'http://registry.example:5000/x',
    'http://127.0.0.1:5061/x',
    'http://127.0.0.1.evil.example:5055/x',
    'https://us-docker.pkg.dev/x',
    'http://169.254.169.254/',
    'ftp://gcr.io/x',
    'data:,x',
  ])('but not to %s', (location) => {
    const led = (): URL => hosts.led('gcr.io', location, 'https://gcr.io/', 'redirect');
    expect(led).toThrow(expect.objectContaining({ reason: 'REGISTRY_HOST_NOT_ALLOWED' }));
  });
});
