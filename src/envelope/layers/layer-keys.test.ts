import { beforeEach, describe, expect, test } from 'vitest';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { serviceMember } from '../../kms/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { FaultPlan, type KeyStore, openMemoryKeyStore } from '../../storage/index.ts';
import { keyPurposes } from './key-purposes.ts';
import { layerKeyErasure } from './layer-key-rows.ts';
import { layerKeyRowKey } from './layer-key-row.ts';
import type { LayerKeyPlace, LayerKeys } from './layer-key.ts';
import { openLayerKeys } from './stored-layer-keys.ts';

const keyName = 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k';
const otherKey = `${keyName}2`;
const place: LayerKeyPlace = {
  project: 'p',
  serviceUid: '0f64f088-1c2d-4e3f-8a9b-aabbccddeeff',
  serviceName: 'projects/p/locations/us-central1/services/hello',
  key: keyName,
};
const agent = 'serviceAccount:service-p@serverless-robot-prod.iam.gserviceaccount.com';

let clock: VirtualClock;
let faults: FaultPlan;
let rows: KeyStore;
let kms: ScriptedKeyService;
let told: string[];
let compactions: number;
let layerKeys: LayerKeys;

beforeEach(async () => {
  clock = new VirtualClock();
  faults = new FaultPlan();
  rows = openMemoryKeyStore({ clock, faults });
  compactions = 0;
  const compact = rows.compact.bind(rows);
  rows.compact = async () => {
    compactions++;
    await compact();
  };
  kms = new ScriptedKeyService();
  told = [];
  layerKeys = await opened();
});

function opened(): Promise<LayerKeys> {
  const observer = {
    keyCall: (use: string, code: string): void => void told.push(`${use} ${code}`),
  };
  const entropy = new SeededEntropy(5);
  return openLayerKeys({ rows, keys: kms, clock, entropy, log: silentLogger, observer });
}

describe('a deployment', () => {
  test('makes a DEK by one Encrypt; the next ones and each start unwrap it once', async () => {
    const first = await layerKeys.forDeploy(place);
    const again = await layerKeys.forDeploy(place);
    const started = await layerKeys.forStart(place);
    expect([again.bytes, started.bytes]).toEqual([first.bytes, first.bytes]);
    expect([first.id.length, first.bytes.length]).toEqual([16, 32]);
    expect(told).toEqual(['wrap OK', 'deploy OK', 'start OK']);
    expect(kms.calls.map(({ operation }) => operation)).toEqual(['encrypt', 'decrypt', 'decrypt']);
  });

  test("tells the key service the seed's reasons, as Run's service agent", async () => {
    await layerKeys.forDeploy(place);
    await layerKeys.forDeploy(place);
    await layerKeys.forStart(place);
    const { wrap, deploy, start } = keyPurposes;
    const common = {
      member: agent,
      reason: 'CUSTOMER_INITIATED_ACCESS',
      resource: place.serviceName,
    };
    expect(kms.calls.map(({ caller }) => caller)).toEqual(
      [wrap, deploy, start].map((purpose) => ({ ...common, purpose })),
    );
  });

  test('without a key uses the default key as the service itself', async () => {
    const unclaimed = { ...place, key: null };
    const made = await layerKeys.forDeploy(unclaimed);
    expect((await layerKeys.forStart(unclaimed)).bytes).toEqual(made.bytes);
    for (const { name, caller } of kms.calls) {
      expect([name, caller.member]).toEqual([kms.defaultKeyName, serviceMember]);
    }
  });

  test('that claims the default key by name does not use it as the service', async () => {
    await layerKeys.forDeploy({ ...place, key: kms.defaultKeyName });
    expect(kms.calls.map(({ caller }) => caller.member)).toEqual([agent]);
  });

  test('that runs beside another first one gets the same DEK, which is made once', async () => {
    const made = await Promise.all([1, 2, 3].map(() => layerKeys.forDeploy(place)));
    expect(new Set(made.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
    expect(new Set(made.map(({ bytes }) => bytes.buffer)).size).toBe(3);
    expect(kms.count('encrypt')).toBe(1);
    expect(kms.count('decrypt')).toBe(2);
    expect(await layerKeys.list()).toHaveLength(1);
  });

  test('in another process that was first wins: its DEK is the one', async () => {
    const other = await opened();
    let theirs;
    kms.after = async ({ operation }) => {
      kms.after = () => undefined;
      if (operation === 'encrypt') theirs = await other.forDeploy(place);
    };
    const ours = await layerKeys.forDeploy(place);
    expect(ours.bytes).toEqual(theirs!['bytes']);
    expect(await layerKeys.list()).toHaveLength(1);
  });

  test('has a DEK of its own for each service and for each key', async () => {
    const places = [
      place,
      { ...place, key: otherKey },
      { ...place, key: null },
      { ...place, serviceUid: 'another' },
    ];
    const made = await Promise.all(places.map((each) => layerKeys.forDeploy(each)));
    expect(new Set(made.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(4);
    const stored = await layerKeys.list();
    expect(
      stored.map(({ key, keyVersion }) => keyVersion === `${key}/cryptoKeyVersions/1`),
    ).toEqual([true, true, true, true]);
  });

  test('gives no DEK whose row is not on disk, and wipes it', async () => {
    const wrapped: Uint8Array[] = [];
    const encrypt = kms.encrypt.bind(kms);
    kms.encrypt = (request, caller) => {
      wrapped.push(request.plaintext);
      return encrypt(request, caller);
    };
    faults.next('full');
    await expect(layerKeys.forDeploy(place)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(await layerKeys.list()).toEqual([]);
    expect(kms.seenPlaintexts[0]).not.toEqual(new Uint8Array(32));
    expect(wrapped).toEqual([new Uint8Array(32)]);
  });

  test('fails with the answer of the key service, unchanged, and the next one asks again', async () => {
    kms.fail('PERMISSION_DENIED');
    const failing = [layerKeys.forDeploy(place), layerKeys.forDeploy(place)];
    for (const each of failing) {
      await expect(each).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    }
    kms.fail(null);
    await layerKeys.forDeploy(place);
    expect(told).toEqual(['wrap PERMISSION_DENIED', 'wrap PERMISSION_DENIED', 'wrap OK']);
  });
});

describe('a start', () => {
  test('fails while the key is disabled, each time anew', async () => {
    await layerKeys.forDeploy(place);
    kms.setEnabled(keyName, false);
    for (let i = 0; i < 2; i++) {
      await expect(layerKeys.forStart(place)).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        reason: 'KEY_VERSION_DISABLED',
      });
    }
    kms.setEnabled(keyName, true);
    expect((await layerKeys.forStart(place)).bytes).toHaveLength(32);
    expect(kms.count('decrypt')).toBe(3);
  });

  test('without a DEK does not speak of the key', async () => {
    const refusal = { code: 'DATA_LOSS', reason: 'DEK_ROW_DAMAGED' };
    await expect(layerKeys.forStart(place)).rejects.toMatchObject(refusal);
    expect(kms.calls).toEqual([]);
  });

  test('does not wait for ever, and what comes late is wiped', async () => {
    await layerKeys.forDeploy(place);
    const held = Promise.withResolvers<void>();
    kms.after = () => held.promise;
    const answers: Uint8Array[] = [];
    const decrypt = kms.decrypt.bind(kms);
    kms.decrypt = async (request, caller) => {
      const answer = await decrypt(request, caller);
      answers.push(answer.plaintext);
      return answer;
    };
    const starting = layerKeys.forStart(place);
    const refused = expect(starting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await clock.advance(5_000);
    await refused;
    expect(told.at(-1)).toBe('start DEADLINE_EXCEEDED');
    held.resolve();
    await clock.advance(0);
    expect(answers).toEqual([new Uint8Array(32)]);
  });

  test('wipes what the key service gave, and its own key when told to', async () => {
    await layerKeys.forDeploy(place);
    const answers: Uint8Array[] = [];
    const decrypt = kms.decrypt.bind(kms);
    kms.decrypt = async (request, caller) => {
      const answer = await decrypt(request, caller);
      answers.push(answer.plaintext);
      return answer;
    };
    const key = await layerKeys.forStart(place);
    expect(answers).toEqual([new Uint8Array(32)]);
    expect(key.bytes).not.toEqual(new Uint8Array(32));
    key.wipe();
    expect(key.bytes).toEqual(new Uint8Array(32));
  });

  test('hands its key to a worker by transfer: nothing is left to wipe', async () => {
    const key = await layerKeys.forDeploy(place);
    expect(key.bytes.buffer.byteLength).toBe(32);
    const moved = structuredClone(key.bytes, { transfer: [key.bytes.buffer] });
    expect([moved.length, key.bytes.length]).toEqual([32, 0]);
    key.wipe();
    expect(moved).toEqual((await layerKeys.forStart(place)).bytes);
  });

  test('that gets another DEK than was wrapped is refused', async () => {
    await layerKeys.forDeploy(place);
    kms.returnsOtherBytes = true;
    await expect(layerKeys.forStart(place)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      reason: 'DEK_COMMITMENT_MISMATCH',
    });
  });
});

describe('a stored row', () => {
  test('with any bit turned over is refused as damaged', async () => {
    await layerKeys.forDeploy(place);
    const id = layerKeyRowKey(place);
    const { value, version: written } = (await rows.get(id))!;
    let version = written;
    for (let bit = 0; bit < value.length * 8; bit++) {
      const changed = value.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      await rows.txn([{ key: id, version: version++ }], [{ key: id, value: changed }]);
      await expect(layerKeys.forStart(place), `bit ${bit}`).rejects.toMatchObject({
        code: 'DATA_LOSS',
      });
    }
  });

  test('of another service, another key or another project is refused', async () => {
    const others = [
      { ...place, serviceUid: 'another' },
      { ...place, key: otherKey },
    ];
    await layerKeys.forDeploy(place);
    const { value } = (await rows.get(layerKeyRowKey(place)))!;
    for (const other of others) {
      await rows.txn([], [{ key: layerKeyRowKey(other), value }]);
      await expect(layerKeys.forStart(other)).rejects.toMatchObject({ code: 'DATA_LOSS' });
    }
    const moved = layerKeys.forStart({ ...place, project: 'q' });
    await expect(moved).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });

  test('holds no DEK', async () => {
    const key = await layerKeys.forDeploy(place);
    const { value } = (await rows.get(layerKeyRowKey(place)))!;
    expect(Buffer.from(value).includes(Buffer.from(key.bytes))).toBe(false);
  });
});

describe('a rewrap', () => {
  test('moves what another version wraps, proves it, and leaves no old bytes', async () => {
    const key = await layerKeys.forDeploy(place);
    await layerKeys.forDeploy({ ...place, serviceUid: 'another' });
    await layerKeys.forDeploy({ ...place, key: otherKey });
    kms.rotate(keyName);
    await clock.advance(1_000);
    const counts = await layerKeys.rewrap(keyName);
    expect(counts).toEqual({ scanned: 2, rewrapped: 2, failed: 0 });
    expect(compactions).toBe(1);
    expect(await rows.get(layerKeyErasure)).toBe(null);
    const stored = (await layerKeys.list()).filter((each) => each.key === keyName);
    for (const { keyVersion, rewrappedMs } of stored) {
      expect(keyVersion).toBe(`${keyName}/cryptoKeyVersions/2`);
      expect(rewrappedMs).toBe(clock.wallMs());
    }
    kms.setEnabled(keyName, false, 1);
    expect((await layerKeys.forStart(place)).bytes).toEqual(key.bytes);
  });

  test('of every key does nothing where all is wrapped by the primary versions', async () => {
    await layerKeys.forDeploy(place);
    await layerKeys.forDeploy({ ...place, serviceUid: 'another' });
    await layerKeys.forDeploy({ ...place, key: null });
    const before = await layerKeys.list();
    expect(await layerKeys.rewrap(null)).toEqual({ scanned: 3, rewrapped: 0, failed: 0 });
    expect(await layerKeys.list()).toEqual(before);
    expect(compactions).toBe(0);
  });

  test('tells no purpose of the five, and counts what it could not move', async () => {
    await layerKeys.forDeploy(place);
    await layerKeys.forDeploy({ ...place, key: otherKey });
    kms.rotate(keyName);
    kms.rotate(otherKey);
    kms.setEnabled(otherKey, false);
    kms.calls.length = 0;
    expect(await layerKeys.rewrap(null)).toEqual({ scanned: 2, rewrapped: 1, failed: 1 });
    for (const { caller } of kms.calls) {
      expect(caller.purpose).toBe(undefined);
      expect(caller.reason).toBe('GOOGLE_INITIATED_SYSTEM_OPERATION');
    }
  });

  test('does not bring back what was shredded meanwhile', async () => {
    await layerKeys.forDeploy(place);
    kms.rotate(keyName);
    kms.after = async ({ operation }) => {
      kms.after = () => undefined;
      if (operation === 'decrypt') await layerKeys.shred(place.serviceUid);
    };
    expect(await layerKeys.rewrap(null)).toMatchObject({ rewrapped: 0 });
    expect(await layerKeys.list()).toEqual([]);
  });
});

describe('a shredding', () => {
  test("removes a service's DEKs under every key, and no other's, and compacts", async () => {
    const other = { ...place, serviceUid: `${place.serviceUid}0` };
    for (const each of [place, { ...place, key: null }, other]) await layerKeys.forDeploy(each);
    expect(await layerKeys.shred(place.serviceUid)).toBe(2);
    expect((await layerKeys.list()).map(({ serviceUid }) => serviceUid)).toEqual([
      other.serviceUid,
    ]);
    expect(compactions).toBe(1);
    expect(await layerKeys.shred(place.serviceUid)).toBe(0);
    expect(compactions).toBe(1);
  });

  test('waits for a DEK that is being made, and takes it along', async () => {
    const held = Promise.withResolvers<void>();
    const called = Promise.withResolvers<void>();
    kms.before = () => {
      called.resolve();
      return held.promise;
    };
    const deploying = layerKeys.forDeploy(place);
    await called.promise;
    const shredding = layerKeys.shred(place.serviceUid);
    held.resolve();
    await deploying;
    expect(await shredding).toBe(1);
    expect(await layerKeys.list()).toEqual([]);
  });

  test('that a crash cut before its compaction is completed by the next start', async () => {
    await layerKeys.forDeploy(place);
    const compact = rows.compact.bind(rows);
    rows.compact = () => Promise.reject(new Error('the process ended here'));
    await expect(layerKeys.shred(place.serviceUid)).rejects.toThrow();
    expect(await rows.get(layerKeyErasure)).not.toBe(null);
    await opened();
    expect(await rows.get(layerKeyErasure)).not.toBe(null);
    rows.compact = compact;
    await opened();
    expect(compactions).toBe(1);
    expect(await rows.get(layerKeyErasure)).toBe(null);
  });
});
