import { describe, expect, test } from 'vitest';

import { ConfigError } from './config-error.ts';
import { parseConfig } from './parse-config.ts';

const key = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';
const broker = ['--roles', 'broker'];
const remote = [...broker, '--kms-endpoint', 'https://kms.example'];

describe('an endpoint', () => {
  test.each([
    ['https://kms.example', 'cloudkms', 'https://kms.example', false, false],
    ['http://127.0.0.1:8086/', 'cloudkms', 'http://127.0.0.1:8086', true, true],
    ['http://[::1]:8086', 'cloudkms', 'http://[::1]:8086', true, true],
    [
      'vault+https://v.example:8200/transit/',
      'transit',
      'https://v.example:8200/transit',
      false,
      false,
    ],
    ['vault+http://localhost:8200/a/b', 'transit', 'http://localhost:8200/a/b', true, true],
  ])('%s is taken', (text, kind, url, isPlain, isLoopback) => {
    const { kmsEndpoint } = parseConfig([...broker, '--kms-endpoint', text], {});
    expect(kmsEndpoint).toEqual({ kind, url, isPlain, isLoopback });
  });

  test.each([
    'kms.example:443',
    'grpc://kms.example',
    'https://kms.example/v1',
    'https://user@kms.example',
    'https://kms.example?a=b',
    'vault+https://v.example',
  ])('%s is refused', (text) => {
    expect(() => parseConfig([...broker, '--kms-endpoint', text], {})).toThrow(
      /^--kms-endpoint must be a URL such as .*, not "/,
    );
  });
});

describe('refused at the start', () => {
  test.each([
    [['--roles', 'keys'], 'must be a list of broker, kms and vault, not'],
    [['--roles', 'kms,vault'], '--roles vault runs code for whoever can reach this port'],
    [['--roles', 'vault', '--insecure'], '--roles vault has no keys of its own: say with'],
    [['--vault-driver', 'runc'], '--vault-driver says nothing without the role vault.'],
    [['--registry-host', 'r.example'], '--registry-host says nothing without the role vault.'],
    [['--roles', ''], 'must not be empty'],
    [broker, '--roles broker has no keys of its own: say with --kms-endpoint where they are.'],
    [['--kms-endpoint', 'https://kms.example'], '--kms-endpoint goes without the role kms'],
    [['--roles', 'kms', '--kms-endpoint', 'https://k.example'], 'goes without the role kms'],
    [[...broker, '--kms-endpoint', 'http://10.0.0.1:1'], 'in the clear: use https'],
    [['--default-key', key], '--default-key says nothing without --kms-endpoint.'],
    [['--kms-ca', 'a'], '--kms-ca says nothing without --kms-endpoint.'],
    [['--kms-token-file', 'a'], '--kms-token-file says nothing without --kms-endpoint.'],
    [['--ekm-ca', 'a'], '--ekm-ca says nothing without --ekm-host.'],
    [
      ['--root-key-source', 'file', '--root-key-passphrase-file', 'a'],
      '--root-key-passphrase-file says nothing with --root-key-source file.',
    ],
    [['--project-number', 'p=1'], '--project-number says nothing without --kms-endpoint.'],
    [
      ['--roles', 'kms', '--cmek-propagation', 'google'],
      '--cmek-propagation says nothing without the role broker.',
    ],
    [['--roles', 'kms', '--require-cmek'], '--require-cmek says nothing without the role broker.'],
    [['--roles', 'kms', '--auto-grant'], '--auto-grant says nothing without the role broker.'],
    [
      ['--roles', 'kms', '--cmek-key-projects', 'p'],
      '--cmek-key-projects says nothing without the role broker.',
    ],
    [
      ['--roles', 'broker', '--kms-endpoint', 'https://kms.example', '--auto-grant'],
      '--auto-grant does not reach a --kms-endpoint: grant the role there.',
    ],
    [[...remote, '--project-number', 'p'], 'must be PROJECT=NUMBER'],
    [[...remote, '--default-key', `${key}/cryptoKeyVersions/1`], 'must be projects/P/'],
  ])('%j', (argv, why) => {
    expect(() => parseConfig(argv, {})).toThrow(ConfigError);
    expect(() => parseConfig(argv, {})).toThrow(why);
  });
});

describe('taken', () => {
  test('a key service alone', () => {
    expect(parseConfig(['--roles', 'kms'], {}).roles).toEqual(['kms']);
  });

  test('a plain endpoint elsewhere, if something else protects the network', () => {
    const argv = [...broker, '--kms-endpoint', 'http://10.0.0.1:1', '--insecure'];
    expect(parseConfig(argv, {}).kmsEndpoint?.url).toBe('http://10.0.0.1:1');
  });

  test('a remote default key, a token, authorities and numbers of projects', () => {
    const more = ['--default-key', key, '--kms-token-file', 't', '--kms-ca', 'c'];
    const numbers = ['--project-number', 'p=1', '--project-number', 'q=2'];
    expect(parseConfig([...remote, ...more, ...numbers], {})).toMatchObject({
      defaultKey: key,
      kmsTokenFile: 't',
      kmsCa: 'c',
      projectNumbers: ['p=1', 'q=2'],
    });
  });
});
