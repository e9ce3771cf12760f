import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EkmServer } from '../support/ekm-server/ekm-server.ts';
import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';
import { benchOptions, RevocationBench } from '../support/revocation-bench.ts';
import { hasSoftHsm, makeSoftHsm, needsSoftHsm } from '../support/soft-hsm.ts';
import { hasOpenssl, makeTestCertificates } from '../support/test-certificates.ts';

/**
 * "CMEK-related operation | autoscaling behaviour" of the page on Cloud Run, for keys of an external
 * manager and of a token: both may be out of reach, and the use of both has a quota.
 */
const canRun = canRunImages && hasOpenssl;
const why = canRun ? '' : ` ${canRunImages ? '(needs openssl)' : needsImages}`;
const certificates = canRun ? makeTestCertificates() : { caFile: '', key: '', cert: '' };
const hsm = canRun && hasSoftHsm ? makeSoftHsm() : undefined;
/** Enough for a deployment, and used up at once by whoever wants to. */
const quota = '20';

const manager = ['--ekm-host', '127.0.0.1', '--ekm-ca', certificates.caFile];
const quotas = ['--ekm-deadline-ms', '4000', '--external-quota', quota];
const vault = useLiveVault([...benchOptions, ...manager, ...quotas, ...tokenOptions()]);
const bench = new RevocationBench(vault);
const ekm = new EkmServer({ certificates, issuer: () => vault.url });

beforeAll(() => (canRun ? ekm.start() : undefined));
afterAll(async () => {
  await ekm.stop();
  hsm?.remove();
});

function tokenOptions(): string[] {
  if (hsm === undefined) return [];
  const { library, tokenLabel, pinFile } = hsm.place;
  const token = ['--pkcs11-library', library, '--pkcs11-token', tokenLabel];
  return [...token, '--pkcs11-pin-file', pinFile, '--hsm-quota', quota];
}

interface TestedKey {
  readonly name: string;
  readonly version: string;
  /** At the external manager. */
  readonly path: string;
}

async function createKey(project: string, protectionLevel: 'EXTERNAL' | 'HSM'): Promise<TestedKey> {
  const parent = `projects/${project}/locations/us-central1`;
  const path = `v0/${project}`;
  await vault.call('POST', `v1/${parent}/keyRings?keyRingId=ring`, {});
  const isExternal = protectionLevel === 'EXTERNAL';
  const query = `cryptoKeyId=key&skipInitialVersionCreation=${String(isExternal)}`;
  const body = { purpose: 'ENCRYPT_DECRYPT', versionTemplate: { protectionLevel } };
  await vault.call('POST', `v1/${parent}/keyRings/ring/cryptoKeys?${query}`, body);
  const name = `${parent}/keyRings/ring/cryptoKeys/key`;
  if (isExternal) {
    const externalProtectionLevelOptions = { externalKeyUri: ekm.createKey(path) };
    await vault.call('POST', `v1/${name}/cryptoKeyVersions`, { externalProtectionLevelOptions });
    await vault.call('POST', `v1/${name}:updatePrimaryVersion`, { cryptoKeyVersionId: '1' });
  }
  await vault.grant(name, project);
  return { name, version: `${name}/cryptoKeyVersions/1`, path };
}

/** What the key service itself says of a use of the key. */
async function ownWords({ name }: TestedKey): Promise<string> {
  const { body } = await vault.call('POST', `v1/${name}:encrypt`, { plaintext: 'YQ==' });
  return String((body['error'] as { readonly message?: unknown } | undefined)?.message);
}

const outages = [
  ['that cannot be connected to', 'gone', () => ekm.stop()],
  ['that says that it is overloaded', 'busy', () => answering(503)],
  ['that throttles', 'throttling', () => answering(429)],
] as const;

function answering(status: number): Promise<void> {
  ekm.behaviour = { kind: 'status', status };
  return Promise.resolve();
}

const refusals = [
  {
    what: 'has no such key any more',
    id: 'moved',
    refuse: ({ path }: TestedKey) => ekm.moveKey(path, `${path}-hidden`),
    relent: ({ path }: TestedKey) => Promise.resolve(ekm.moveKey(`${path}-hidden`, path)),
    words: ['Could not find a key.', 'It answered HTTP 404.'],
  },
  {
    what: 'denies its use',
    id: 'denying',
    refuse: () => (ekm.behaviour = { kind: 'deny' }),
    // The key service disabled the version, so that its owner's manager is asked no more.
    relent: ({ name }: TestedKey) => {
      ekm.behaviour = { kind: 'honest' };
      return vault.setState(name, 'ENABLED');
    },
    words: ['Permission was denied when accessing the key.', 'It answered HTTP 403.'],
  },
] as const;

describe.skipIf(!canRun)('a service under a key of an external manager', () => {
  test.each(outages)(
    `%s: what runs goes on for ever, and what should start waits${why}`,
    async (_what, project, begin) => {
      const key = await createKey(project, 'EXTERNAL');
      await bench.deployCold(project, key.name);
      const urls = await bench.deployAll(project, key.name, ['kept', 'unset', 'shut']);
      await begin();
      const words = await ownWords(key);
      await bench.noted(project, words);
      expect(await bench.statuses(urls)).toEqual([200, 200, 200]);
      const cold = await bench.urlOf(project, 'cold');
      expect(await bench.statuses([cold])).toEqual([503]);
      const deploying = bench.deployAgain(project, 'kept', key.name);
      await bench.noted(project, `Deployment waits: ${words}`);
      await bench.passHours(2);
      expect(await bench.statuses([...urls, cold])).toEqual([200, 200, 200, 503]);

      ekm.behaviour = { kind: 'honest' };
      await ekm.stop();
      await ekm.start();
      await bench.serveAgain(project, key.name, [cold]);
      expect(await deploying).toMatchObject({ status: 'True' });
      await bench.noted(project, 'The CMEK key can be used again.', 3);
      expect(await bench.statuses(urls)).toEqual([200, 200, 200]);
      for (const id of ['unset', 'shut']) expect(await bench.startsOf(project, id)).toBe(1);
      expect(await bench.announced(project, 0)).toEqual([]);
    },
  );

  test.each(refusals)(
    `that $what: what runs ends after the hours, or after one, whatever was chosen${why}`,
    async ({ id: project, refuse, relent, words }) => {
      const key = await createKey(project, 'EXTERNAL');
      const urls = await bench.deployAll(project, key.name);
      refuse(key);
      const uri = `https://${ekm.host}/${key.path}`;
      // Word for word what the manager is said to have answered.
      await bench.noted(project, `${words[0]} Key URI: ${uri}. ${words[1]}`, urls.length);
      await bench.announced(project, urls.length);
      expect(await bench.notReady(project, 'kept')).toMatchObject({
        reason: 'EncryptionKeyCheckFailed',
      });
      expect(await bench.statuses(urls)).toEqual([200, 200, 200, 200]);
      expect(await bench.deployAgain(project, 'kept', key.name)).toMatchObject({
        status: 'False',
        reason: 'EncryptionKeyCheckFailed',
      });
      await bench.passHours(1);
      for (const id of ['kept', 'unset', 'shut']) await bench.stopped(project, id);
      expect(await bench.statuses(urls)).toEqual([503, 503, 503, 200]);
      await bench.passHours(1);
      await bench.stopped(project, 'shut-late');
      expect(await bench.statuses(urls)).toEqual([503, 503, 503, 503]);
      await relent(key);
      await bench.serveAgain(project, key.name, urls);
    },
  );
});

const levels = [
  { level: 'EXTERNAL', canUse: canRun, needs: why },
  { level: 'HSM', canUse: canRun && hasSoftHsm, needs: hasSoftHsm ? why : ` ${needsSoftHsm}` },
] as const;

describe.each(levels)('a service whose $level key has no quota left', ({ level, ...can }) => {
  test.skipIf(!can.canUse)(
    `starts nothing, and what runs goes on past any deadline${can.needs}`,
    async () => {
      const project = `quota-${level.toLowerCase()}`;
      const key = await createKey(project, level);
      await bench.deployCold(project, key.name);
      const urls = await bench.deployAll(project, key.name, ['kept', 'unset', 'shut']);
      const message = `User's KMS operation quota has been exceeded. CMEK key: ${key.name}`;
      const cold = await bench.urlOf(project, 'cold');

      const using = new AbortController();
      const uses = Array.from({ length: 8 }, () => useUp(key, using.signal));
      await bench.noted(project, `RESOURCE_EXHAUSTED: ${message}`, urls.length);
      await vault.until(
        () => bench.statuses([cold]),
        ([status]) => status === 503,
      );
      const deploying = bench.deployAgain(project, 'kept', key.name);
      await bench.noted(project, `Deployment waits: ${message}`);
      await bench.passHours(2);
      expect(await bench.statuses(urls)).toEqual([200, 200, 200]);
      using.abort();
      await Promise.all(uses);

      expect(await deploying).toMatchObject({ status: 'True' });
      await bench.serves(cold);
      expect(await bench.statuses(urls)).toEqual([200, 200, 200]);
      for (const id of ['unset', 'shut']) expect(await bench.startsOf(project, id)).toBe(1);
      expect(await bench.announced(project, 0)).toEqual([]);
    },
  );
});

async function useUp({ name }: TestedKey, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await vault.call('POST', `v1/${name}:encrypt`, { plaintext: 'YQ==' });
  }
}
