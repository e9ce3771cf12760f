import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { LiveApi, base64, liveGrpc, textOf } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { LiveServer } from '../support/live-server.ts';
import { hasSoftHsm, makeSoftHsm, needsSoftHsm, type SoftHsm } from '../support/soft-hsm.ts';
import { CallRefusal, RestWire } from '../support/wire.ts';

const project = 'projects/hsm';
const location = `${project}/locations/global`;
const dayMs = 86_400_000;

interface Encrypted {
  readonly ciphertext: string;
  readonly protectionLevel: string;
}

describe.skipIf(!hasSoftHsm)(`keys on a token, behind a real server ${needsSoftHsm}`, () => {
  const hsm: SoftHsm = hasSoftHsm ? makeSoftHsm() : (undefined as unknown as SoftHsm);
  const place = hasSoftHsm ? hsm.place : { library: '', tokenLabel: '', pinFile: '' };
  const token = ['--pkcs11-library', place.library, '--pkcs11-token', place.tokenLabel];
  const live = new LiveServer([...token, '--pkcs11-pin-file', place.pinFile]);
  const rest = new RestWire(() => live.url);
  const api = new LiveApi(liveGrpc(live), project);
  const keys = new LiveKeys(() => live.url);
  let serial = 0;

  beforeAll(() => live.start());
  afterAll(async () => {
    await live.remove();
    hsm.remove();
  });

  async function createHsm(purpose: string, algorithm: string, more = {}): Promise<LiveKey> {
    const ring = `${location}/keyRings/ring-${String(++serial)}`;
    await rest.send('POST', `${location}/keyRings?keyRingId=ring-${String(serial)}`, {});
    const versionTemplate = { protectionLevel: 'HSM', algorithm };
    const body = { purpose, versionTemplate, ...more };
    await rest.send('POST', `${ring}/cryptoKeys?cryptoKeyId=key`, body);
    const name = `${ring}/cryptoKeys/key`;
    return { name, version: `${name}/cryptoKeyVersions/1` };
  }

  const symmetric = (more = {}): Promise<LiveKey> =>
    createHsm('ENCRYPT_DECRYPT', 'GOOGLE_SYMMETRIC_ENCRYPTION', more);

  const encrypt = (key: LiveKey, text: string): Promise<Encrypted> =>
    rest.send<Encrypted>('POST', `${key.name}:encrypt`, { plaintext: base64(text) });

  const decrypt = (key: LiveKey, ciphertext: string): Promise<{ plaintext: string }> =>
    rest.send('POST', `${key.name}:decrypt`, { ciphertext });

  const refusal = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => null,
      (error: unknown) => (error instanceof CallRefusal ? error : null),
    );

  /** SoftHSM keeps a file for each object. */
  const objectCount = (): number => {
    const tokens = join(hsm.folder, 'tokens');
    const files = readdirSync(tokens).flatMap((name) => readdirSync(join(tokens, name)));
    return files.filter((name) => name.endsWith('.object') && name !== 'token.object').length;
  };

  test('a topic under one is published to and pulled from, also after a restart', async () => {
    const key = await symmetric();
    await keys.grant(key, project);
    const topic = await api.topic({ kmsKeyName: key.name });
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'one');
    await live.restart();
    await api.publish(topic, 'two');
    expect((await api.pull(subscription, 2)).map(textOf).toSorted()).toEqual(['one', 'two']);
  });

  test('a disabled one stops its topic, and an enabled one lets it go on', async () => {
    const key = await symmetric();
    await keys.grant(key, project);
    const topic = await api.topic({ kmsKeyName: key.name });
    await api.publish(topic, 'before');
    await keys.setState(key, 'DISABLED');
    const messages = [{ data: 'YQ==' }];
    expect(await api.refusal('Publish', { topic, messages })).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('is not enabled, current state is: DISABLED') as string,
    });
    await keys.setState(key, 'ENABLED');
    await api.publish(topic, 'after');
  });

  test('Encrypt says HSM, and Decrypt refuses what was changed', async () => {
    const key = await symmetric();
    const { ciphertext, protectionLevel } = await encrypt(key, 'coffee');
    expect(protectionLevel).toBe('HSM');
    expect((await decrypt(key, ciphertext)).plaintext).toBe(base64('coffee'));
    const changed = Buffer.from(ciphertext, 'base64');
    changed[changed.length - 1]! ^= 1;
    expect(await refusal(decrypt(key, changed.toString('base64')))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Decryption failed: the ciphertext is invalid.',
    });
  });

  test('plaintext and associated data have 8 KiB together', async () => {
    const key = await symmetric();
    await encrypt(key, 'x'.repeat(8192));
    expect(await refusal(encrypt(key, 'x'.repeat(8193)))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('MacSign and GenerateRandomBytes are the token’s', async () => {
    const key = await createHsm('MAC', 'HMAC_SHA256');
    const body = { data: base64('signed') };
    const { mac } = await rest.send<{ mac: string }>('POST', `${key.version}:macSign`, body);
    expect(Buffer.from(mac, 'base64')).toHaveLength(32);
    const asked = { lengthBytes: 32, protectionLevel: 'HSM' };
    const draw = (): Promise<{ data: string }> =>
      rest.send('POST', `${location}:generateRandomBytes`, asked);
    const first = await draw();
    expect(Buffer.from(first.data, 'base64')).toHaveLength(32);
    expect(await draw()).not.toEqual(first);
  });

  test('a destroyed one is gone from the token when its time has come', async () => {
    const key = await symmetric({ destroyScheduledDuration: '86400s' });
    await encrypt(key, 'x');
    const before = objectCount();
    await rest.send('POST', `${key.version}:destroy`, {});
    expect(objectCount()).toBe(before);
    await live.pass(dayMs + 1_000);
    const state = async (): Promise<string> =>
      (await rest.send<{ state: string }>('GET', key.version)).state;
    await expect.poll(state, { timeout: 20_000 }).toBe('DESTROYED');
    await expect.poll(objectCount, { timeout: 20_000 }).toBe(before - 1);
  });

  test.skipIf(process.platform !== 'linux')(
    'a token that hangs blocks neither health checks nor topics under other keys',
    async () => {
      const key = await symmetric();
      await encrypt(key, 'x');
      const topic = await api.topic({});
      const stuck = tokenProcesses();
      expect(stuck).not.toEqual([]);
      for (const pid of stuck) process.kill(pid, 'SIGSTOP');
      const hanging = fetch(`${live.url}/v1/${key.name}:encrypt`, {
        method: 'POST',
        body: JSON.stringify({ plaintext: base64('y') }),
      });
      expect((await fetch(`${live.url}/healthz`)).status).toBe(200);
      await api.publish(topic, 'goes through');
      await live.pass(6_000);
      expect((await hanging).status).toBe(504);
      const again = (): Promise<string> =>
        encrypt(key, 'z').then(
          () => 'sealed',
          () => 'refused',
        );
      await expect.poll(again, { timeout: 20_000 }).toBe('sealed');
      expect(tokenProcesses()).not.toEqual(stuck);
    },
  );
});

/** Processes of ours that talk to a token. */
function tokenProcesses(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter(isTokenProcess).map(Number);
}

function isTokenProcess(pid: string): boolean {
  try {
    const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return parent === String(process.pid) && command.includes('token-process');
  } catch {
    return false;
  }
}
