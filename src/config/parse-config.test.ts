import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { options, variableOf } from './options/options.ts';
import { parseConfig, parseDataDir } from './parse-config.ts';
import { vaultOptions } from './options/vault-options.ts';

function refusal(argv: string[], env: Record<string, string> = {}): string {
  try {
    parseConfig(argv, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error(`not refused: ${argv.join(' ')}`);
}

describe('defaults', () => {
  test('without arguments the server listens on loopback and keeps its keys beside its data', () => {
    expect(parseConfig([], {})).toEqual({
      port: 8085,
      hosts: ['127.0.0.1', '::1'],
      dataDir: resolve('data'),
      keysDir: resolve('data-keys'),
      publicHosts: [],
      allowOrigins: [],
      browserOrigins: [],
      webSocketCompression: false,
      insecure: false,
      authentication: 'off',
      admins: [],
      oidcIssuers: [],
      oidcAudiences: [],
      oidcCa: null,
      clockSkewSeconds: 60,
      tlsCert: null,
      tlsKey: null,
      tlsClientCa: null,
      tlsClientCrl: null,
      tlsClientAuth: 'optional',
      resourcesFile: null,
      autoCreateTopics: false,
      topicsMax: 10_000,
      subscriptionsMax: 10_000,
      snapshotsMax: 5_000,
      schemasMax: 10_000,
      publisherQuota: 0,
      subscriberQuota: 0,
      administratorQuota: 0,
      outgoingAllow: [],
      outgoingCa: null,
      issuer: null,
      region: null,
      cmekPropagation: 'instant',
      requireCmek: false,
      cmekKeyProjects: [],
      autoGrant: false,
      ekmHosts: [],
      ekmCa: null,
      ekmDeadlineMs: 1_000,
      hsmQuota: 500,
      externalQuota: 100,
      logLevel: 'info',
      drainSeconds: 10,
      suite: 'auto',
      outstandingMax: 100_000,
      openCacheBytes: 16_777_216,
      metricsResourcesMax: 1000,
      roles: ['broker', 'kms'],
      kmsEndpoint: null,
      kmsCa: null,
      kmsTokenFile: null,
      defaultKey: null,
      projectNumbers: [],
      auditRetentionDays: 400,
      auditDataAccessDays: 30,
      auditPubsubReads: false,
      rootKeySource: 'auto',
      rootKeyPassphraseFile: null,
      rootKeyCredential: 'sealpost-root-key',
      pkcs11Library: null,
      pkcs11Token: null,
      pkcs11PinFile: null,
      registryHosts: [],
      registryMirrors: [],
      registryAuthFile: null,
      registryCa: null,
      localImages: false,
      vaultDriver: 'bwrap',
      vaultRuntimeDir: null,
      vaultInstancesMax: 100,
      vaultIdleSeconds: 900,
      vaultCheckSeconds: 60,
      vaultHourMs: 3_600_000,
      vaultLogBytes: 268_435_456,
    });
  });

  test('every field of the configuration has exactly one option', () => {
    const fields = options.map((option) => option.field);
    expect(new Set(fields).size).toBe(fields.length);
    expect([...fields].toSorted()).toEqual(Object.keys(parseConfig([], {})).toSorted());
  });

  test('every default passes its own option', () => {
    for (const option of options) {
      if (option.default !== null) expect(() => option.parse(option.default ?? '')).not.toThrow();
    }
  });
});

const nameOf = (field: string): string => options.find((each) => each.field === field)!.name;

const required = '--authentication=required';
const tls = ['--tls-cert=/cert', '--tls-key=/key'];
const clientCa = [required, ...tls, '--tls-client-ca=/ca'];
const accessCompanions: ReadonlyMap<string, readonly string[]> = new Map([
  ['admins', [required]],
  ['oidcIssuers', [required, '--oidc-audience=a']],
  ['oidcAudiences', [required, '--oidc-issuer=https://i.example']],
  ['oidcCa', [required]],
  ['tlsCert', ['--tls-key=/key']],
  ['tlsKey', ['--tls-cert=/cert']],
  ['tlsClientCa', [required, ...tls]],
  ['tlsClientCrl', clientCa],
  ['tlsClientAuth', clientCa],
]);

/** What must be said beside an option that means nothing without it. */
function companionsOf(field: string | undefined): string[] {
  const roles = '--roles=broker';
  if (field === 'kmsEndpoint') return [roles];
  if (field === 'ekmCa') return ['--ekm-host=y.example'];
  const ofToken = ['library', 'token', 'pin-file'].map((part) => `--pkcs11-${part}=/token`);
  if (field?.startsWith('pkcs11') === true) {
    return ofToken.filter((each) => !each.startsWith(`--${nameOf(field)}=`));
  }
  if (vaultOptions.some((option) => option.field === field)) {
    return ['--roles=broker,kms,vault', '--insecure'];
  }
  const ofAccess = accessCompanions.get(field ?? '');
  if (ofAccess !== undefined) return [...ofAccess];
  const ofRemote = ['kmsCa', 'kmsTokenFile', 'defaultKey', 'projectNumbers'];
  return ofRemote.includes(field ?? '') ? [roles, '--kms-endpoint=https://y.example'] : [];
}

describe('sources', () => {
  test.each(options.map((option) => [option.name, variableOf(option)]))(
    '--%s can also be said as %s',
    (name, variable) => {
      const option = options.find((candidate) => candidate.name === name);
      const text =
        option?.default === null || option?.default === '' ? 'x.example' : option?.default;
      const written: Record<string, string> = {
        allowOrigins: 'https://x.example',
        browserOrigins: 'https://x.example',
        issuer: 'https://x.example',
        admins: 'user:a@x.example',
        oidcIssuers: 'https://x.example',
        outgoingAllow: '10.1.0.0/16',
        region: 'europe-west3',
        kmsEndpoint: 'https://x.example',
        defaultKey: 'projects/p/locations/l/keyRings/r/cryptoKeys/k',
        projectNumbers: 'p=7',
        registryMirrors: 'us-docker.pkg.dev=http://127.0.0.1:5000',
        vaultRuntimeDir: '/dev/shm/x',
      };
      const value = written[option?.field ?? ''] ?? text ?? '';
      const also = companionsOf(option?.field);
      expect(parseConfig(also, { [variable]: value })).toEqual(
        parseConfig([...also, `--${name}=${value}`], {}),
      );
    },
  );

  test('the command line wins over the environment', () => {
    expect(parseConfig(['--port', '1'], { SEALPOST_PORT: '2' }).port).toBe(1);
    expect(parseConfig([], { SEALPOST_PORT: '2' }).port).toBe(2);
  });

  test('an empty variable says nothing', () => {
    expect(parseConfig([], { SEALPOST_PORT: '' }).port).toBe(8085);
  });

  test('a repeatable flag gathers its values, commas included, without repeats', () => {
    const argv = ['--public-host', 'a.example,b.example', '--public-host=B.example'];
    expect(parseConfig(argv, {}).publicHosts).toEqual(['a.example', 'b.example']);
  });

  test('a subnet may be one address, of either family', () => {
    const argv = ['--outgoing-allow', '10.1.2.3,FD00::/8', '--outgoing-allow=::1'];
    expect(parseConfig(argv, {}).outgoingAllow).toEqual(['10.1.2.3/32', 'fd00::/8', '::1/128']);
  });

  test('a switch takes no further argument', () => {
    const config = parseConfig(['--insecure', '--port', '7'], {});
    expect([config.insecure, config.port]).toEqual([true, 7]);
  });
});

describe('refusals', () => {
  test.each([
    [['--prot', '1'], 'Unknown option --prot. See sealpost help.'],
    [['--data', 'x'], 'Unknown option --data. Did you mean --data-dir?'],
    [['serve'], 'Unexpected argument "serve". Options begin with --.'],
    [['--port'], '--port needs a value: --port PORT.'],
    [['--port', '--insecure'], '--port needs a value: --port PORT.'],
    [['--port', '1', '--port', '2'], '--port may be given only once.'],
    [['--port', 'x'], '--port must be a whole number from 0 to 65535, not "x".'],
    [['--port', '-1'], '--port must be a whole number from 0 to 65535, not "-1".'],
    [['--port', '1e3'], '--port must be a whole number from 0 to 65535, not "1e3".'],
    [['--port', '65536'], '--port must be a whole number from 0 to 65535, not "65536".'],
    [['--host', 'db.example'], '--host must be an IP address or localhost, not "db.example".'],
    [['--host', ','], '--host must not be empty, not ",".'],
    [['--shards', '4'], 'Unknown option --shards. See sealpost help.'],
    [['--insecure=maybe'], '--insecure must be true or false, not "maybe".'],
    [['--public-host', 'http://a'], /^--public-host must be a host name without scheme or port/],
    [['--allow-origin', 'a.example'], /^--allow-origin must be an origin such as/],
    [['--allow-origin', 'https://a.example/'], /^--allow-origin must be an origin such as/],
    [['--outgoing-allow', 'db.example'], /^--outgoing-allow must be an address or subnet/],
    [['--outgoing-allow', '10.0.0.0/33'], /^--outgoing-allow must be an address or subnet/],
    [['--outgoing-allow', '10.0.0.0/8/8'], /^--outgoing-allow must be an address or subnet/],
    [['--outgoing-allow', 'fe80::1%eth0'], /^--outgoing-allow must be an address or subnet/],
    [['--issuer', 'pubsub.example'], /^--issuer must be a URL such as/],
    [['--issuer', 'https://a@b.example'], /^--issuer must be a URL such as/],
    [['--issuer', 'https://b.example/?'], /^--issuer must be a URL such as/],
    [
      ['--cmek-key-projects', 'under:folders/7'],
      /^--cmek-key-projects must be a project, as P, projects\/P or under:projects\/P, not/,
    ],
    [['--region', 'Frankfurt'], /^--region must be the id of a region such as europe-west3/],
    [['--suite', 'rot13'], /^--suite must be one of auto, xchacha20-poly1305, xaes-256-gcm/],
    [['--log-level', 'loud'], /^--log-level must be one of fatal, error, warn, info, debug/],
    [['--outstanding-max', '999'], /^--outstanding-max must be a whole number from 1000 to/],
  ])('%j is refused', (argv, message) => {
    if (typeof message === 'string') expect(refusal(argv)).toBe(message);
    else expect(refusal(argv)).toMatch(message);
  });

  test('a bad variable is named as the variable', () => {
    expect(refusal([], { SEALPOST_PORT: 'tcp://10.0.0.1:8085' })).toMatch(/^SEALPOST_PORT must be/);
  });

  test.each(['0.0.0.0', '::', '10.1.2.3', '128.0.0.1'])(
    'listening on %s needs --insecure',
    (host) => {
      expect(refusal(['--host', host])).toContain(
        'no TLS (--tls-cert) and authentication (--authentication required)',
      );
      expect(parseConfig(['--host', host, '--insecure'], {}).hosts).toEqual([host]);
    },
  );

  test.each(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost'])('%s is loopback', (host) => {
    expect(parseConfig(['--host', host], {}).hosts).toHaveLength(1);
  });
});

describe('directories', () => {
  test.each(['d', 'd/keys', './d/../d/x', 'd/..keys'])(
    'keys in %s are refused for data in d',
    (keys) => {
      expect(refusal(['--data-dir', 'd', '--keys-dir', keys])).toContain(
        'inside the data directory',
      );
    },
  );

  test.each(['d-keys', '..', 'keys/d'])('keys in %s are allowed for data in d', (keys) => {
    const config = parseConfig(['--data-dir', 'd', '--keys-dir', keys], {});
    expect(config).toMatchObject({ dataDir: resolve('d'), keysDir: resolve(keys) });
  });

  test('a link does not smuggle the keys into the data directory', () => {
    const dir = mkdtempSync(join(tmpdir(), 'config-'));
    mkdirSync(join(dir, 'data'));
    symlinkSync(join(dir, 'data'), join(dir, 'link'));
    const argv = ['--data-dir', join(dir, 'data'), '--keys-dir', join(dir, 'link', 'keys')];
    expect(refusal(argv)).toContain('inside the data directory');
    rmSync(dir, { recursive: true });
  });

  test('offline commands know only the data directory', () => {
    expect(parseDataDir([], { SEALPOST_DATA_DIR: 'd' })).toBe(resolve('d'));
    expect(() => parseDataDir(['--port', '1'], {})).toThrow('Unknown option --port.');
  });
});
