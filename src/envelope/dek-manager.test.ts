import { describe, expect, test } from 'vitest';
import { suiteIds } from '../crypto/index.ts';
import { InvariantError } from '../runtime/index.ts';
import {
  fingerprint,
  keyName,
  openDekBench,
  openScriptedBench,
  sealedTopic,
} from '../../test/support/dek-bench.ts';
import { ScriptedKeyService } from '../../test/support/scripted-key-service.ts';
import { decodeDekRow, dekRowKey, encodeDekRow } from './deks/dek-row.ts';
import type { EvictionCause } from './index.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const topic = sealedTopic();

describe('making and caching', () => {
  test('a hundred cold seals make one DEK, a hundred cold opens unwrap it once', async () => {
    const { manager, keys, rows } = await openScriptedBench();
    const sealed = await Promise.all(
      Array.from({ length: 100 }, async () => manager.forSeal(topic)),
    );
    expect(new Set(sealed).size).toBe(1);
    expect([keys.count('encrypt'), keys.count('decrypt')]).toEqual([1, 1]);
    const again = await openScriptedBench({ keys, rows });
    const opened = await Promise.all(
      Array.from({ length: 100 }, async () => again.manager.forOpen(topic, 1)),
    );
    expect(new Set(opened).size).toBe(1);
    expect(keys.count('decrypt')).toBe(2);
    expect(fingerprint(opened[0]!)).toBe(fingerprint(sealed[0]!));
  });

  test('a warm DEK is handed out without a promise', async () => {
    const { manager } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    expect(manager.forSeal(topic)).toBe(dek);
    expect(manager.forOpen(topic, 1)).toBe(dek);
  });

  test('the row is stored before the DEK is handed out, after the wrap was proven', async () => {
    const order: string[] = [];
    const failpoints = (name: string): void => void order.push(name);
    const { manager, keys, rows } = await openScriptedBench({ failpoints });
    keys.before = (call) => void order.push(call.operation);
    await manager.forSeal(topic);
    expect(order).toEqual([
      'beforeDekWrap',
      'encrypt',
      'decrypt',
      'afterDekWrap',
      'afterDekStored',
    ]);
    expect(await rows.get(dekRowKey(topic.uid, 1))).not.toBeNull();
  });

  test('what another process stored first is what is used', async () => {
    const first = await openScriptedBench();
    const second = await openScriptedBench({ keys: first.keys, rows: first.rows });
    const [one, other] = await Promise.all([
      first.manager.forSeal(topic),
      second.manager.forSeal(topic),
    ]);
    expect([one.version, other.version]).toEqual([1, 1]);
    expect(fingerprint(one)).toBe(fingerprint(other));
    expect(await first.rows.list('dek/')).toHaveLength(1);
  });

  test('the service agent of the project asks, for the topic, with the reason of the moment', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    await manager.forSeal(topic);
    await clock.advance(minuteMs);
    await manager.forOpen(topic, 1);
    for (let minute = 0; minute < 6 * 60; minute += 3) {
      await clock.advance(3 * minuteMs);
      await manager.forSeal(topic);
    }
    const callers = keys.calls.map((call) => call.caller);
    for (const caller of callers) {
      expect(caller.member).toBe('serviceAccount:service-p@gcp-sa-pubsub.iam.gserviceaccount.com');
      expect(caller.resource).toBe(topic.name);
    }
    const wraps = keys.calls.filter(({ operation }) => operation === 'encrypt');
    expect(wraps.map(({ caller }) => caller.reason)).toEqual([
      'CUSTOMER_INITIATED_ACCESS',
      'GOOGLE_INITIATED_SYSTEM_OPERATION',
    ]);
    // Only the proof of the second wrap is not for what was published or will be delivered.
    const unwraps = keys.calls.filter(({ operation }) => operation === 'decrypt');
    const ahead = unwraps.filter(
      ({ caller }) => caller.reason === 'GOOGLE_INITIATED_SYSTEM_OPERATION',
    );
    expect(unwraps.length).toBeGreaterThan(50);
    expect(ahead).toHaveLength(1);
  });

  test('a topic without a key uses the default key of the service', async () => {
    const { manager, keys } = await openScriptedBench();
    await manager.forSeal({ name: topic.name, uid: topic.uid });
    expect(keys.calls[0]?.name).toBe(keys.defaultKeyName);
  });

  test('a DEK that nobody uses is dead at seven minutes; one in use lives on', async () => {
    const { manager, clock, keys } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    await clock.advance(7 * minuteMs - 1);
    expect(dek.isAlive).toBe(true);
    await clock.advance(1);
    expect(dek.isAlive).toBe(false);
    expect(() => dek.segment(new Uint8Array(16))).toThrow(InvariantError);
    const next = await manager.forSeal(topic);
    for (let i = 0; i < 20; i++) {
      await clock.advance(minuteMs);
      expect(manager.forSeal(topic)).toBe(next);
    }
    expect(next.version).toBe(1);
    expect(keys.count('encrypt')).toBe(1);
  });

  test('a timer that is late does not lengthen the life of a key', async () => {
    const { manager, clock } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    const monotonicMs = clock.monotonicMs.bind(clock);
    clock.monotonicMs = () => monotonicMs() + 7 * minuteMs;
    expect(dek.isAlive).toBe(false);
    expect(() => dek.segment(new Uint8Array(16))).toThrow(InvariantError);
    expect(manager.forSeal(topic)).toBeInstanceOf(Promise);
    expect(manager.forOpen(topic, 1)).toBeInstanceOf(Promise);
  });

  test('the observer sees every call, the number in memory and why a DEK went', async () => {
    const seen: string[] = [];
    const { manager, clock, keys, settled } = await openScriptedBench({
      observer: {
        kmsCall: (operation, outcome) => seen.push(`${operation} ${outcome}`),
        unwrapped: () => seen.push('unwrapped'),
        cachedCount: (count) => seen.push(`cached ${count}`),
        evicted: (cause: EvictionCause) => seen.push(`evicted ${cause}`),
      },
    });
    await manager.forSeal(topic);
    await clock.advance(7 * minuteMs);
    keys.setEnabled(keyName, false);
    await expect(settled(manager.forOpen(topic, 1))).rejects.toThrow();
    expect(seen).toEqual([
      'encrypt OK',
      'decrypt OK',
      'unwrapped',
      'cached 1',
      'cached 0',
      'evicted idle',
      'decrypt FAILED_PRECONDITION',
    ]);
  });

  test('close zeroes every key and leaves no timer', async () => {
    const { manager, clock } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    manager.close();
    expect(dek.isAlive).toBe(false);
    await expect(manager.forSeal(topic)).rejects.toMatchObject({ reason: 'DRAINING' });
    await expect(manager.forOpen(topic, 1)).rejects.toMatchObject({ reason: 'DRAINING' });
    expect(() => manager.forSeal(sealedTopic(2))).toThrow('shutting down');
    expect(clock.pendingCount).toBe(0);
  });

  test('no unwrapped key is in the rows', async () => {
    const { manager, keys, rows, clock } = await openScriptedBench();
    for (let i = 0; i < 13; i++) {
      await manager.forSeal(topic);
      await clock.advance(hourMs);
    }
    const stored = await rows.list('');
    expect(keys.seenPlaintexts.length).toBeGreaterThan(2);
    for (const key of keys.seenPlaintexts) {
      expect(key.some((byte) => byte !== 0)).toBe(true);
      for (const row of stored)
        expect(Buffer.from(row.value).includes(Buffer.from(key))).toBe(false);
    }
  });
});

describe('rotation', () => {
  test('the next DEK is stored before six hours are over and seals from then on', async () => {
    const { manager, clock, keys } = await openScriptedBench();
    for (let minute = 0; minute < 359; minute++) {
      await manager.forSeal(topic);
      await clock.advance(minuteMs);
    }
    const old = await manager.forSeal(topic);
    await clock.advance(minuteMs - 1);
    expect(keys.count('encrypt')).toBe(2);
    expect(manager.forSeal(topic)).toBe(old);
    await clock.advance(1);
    const next = manager.forSeal(topic);
    expect(next).toMatchObject({ version: 2, isAlive: true });
    expect(old.isAlive).toBe(true);
  });

  test('six hours count from the creation, across restarts', async () => {
    const first = await openScriptedBench();
    await first.manager.forSeal(topic);
    await first.clock.advance(5 * hourMs);
    first.manager.close();
    const { keys, rows, clock } = first;
    const second = await openScriptedBench({ keys, rows, clock });
    expect((await second.manager.forSeal(topic)).version).toBe(1);
    await clock.advance(hourMs);
    expect((await second.manager.forSeal(topic)).version).toBe(2);
  });

  test('while the next one cannot be made the old one goes on, to twelve hours', async () => {
    const { manager, clock, keys, settled } = await openScriptedBench();
    keys.failure = { encrypt: null, decrypt: null };
    await manager.forSeal(topic);
    keys.failure = { encrypt: 'UNAVAILABLE', decrypt: null };
    for (let minute = 1; minute < 720; minute++) {
      await clock.advance(minuteMs);
      expect(await settled(manager.forSeal(topic))).toMatchObject({ version: 1 });
    }
    await clock.advance(minuteMs);
    await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KMS_UNREACHABLE',
    });
    keys.failure = { encrypt: null, decrypt: null };
    await clock.advance(2_000);
    expect(await settled(manager.forSeal(topic))).toMatchObject({ version: 2 });
  });

  test('once the key service answers again the overdue DEK is replaced in the background', async () => {
    const { manager, clock, keys } = await openScriptedBench();
    for (let minute = 0; minute < 400; minute++) {
      const failing = minute >= 355 && minute < 390;
      keys.failure = { encrypt: failing ? 'RESOURCE_EXHAUSTED' : null, decrypt: null };
      const dek = manager.forSeal(topic);
      if (minute > 0) expect(dek).not.toBeInstanceOf(Promise);
      expect((await dek).version).toBe(minute < 391 ? 1 : 2);
      await clock.advance(minuteMs);
    }
  });

  test('a refused next DEK stops sealing at six hours, not opening', async () => {
    const { manager, clock, keys, settled } = await openScriptedBench();
    for (let minute = 0; minute < 360; minute++) {
      await manager.forSeal(topic);
      keys.failure = { encrypt: minute > 300 ? 'PERMISSION_DENIED' : null, decrypt: null };
      await clock.advance(minuteMs);
    }
    await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SCRIPTED_PERMISSION_DENIED',
    });
    await expect(settled(manager.forOpen(topic, 1))).resolves.toMatchObject({ isAlive: true });
  });

  test.each([
    ['segments', { segments: 16, bytes: 2 ** 40 }, 1],
    ['bytes', { segments: 2 ** 32, bytes: 1_600 }, 100],
  ])('at the cap of %s the next DEK is ready', async (_, caps, bytesEach) => {
    const { manager, clock } = await openScriptedBench({ caps });
    const first = await manager.forSeal(topic);
    for (let i = 0; i < 15; i++) first.account(bytesEach);
    await clock.settle();
    expect(manager.forSeal(topic)).toMatchObject({ version: 2 });
  });

  test('a spent DEK seals nothing more, even when none can be made', async () => {
    const caps = { segments: 4, bytes: 2 ** 40 };
    const { manager, keys, settled } = await openScriptedBench({ caps });
    const dek = await manager.forSeal(topic);
    keys.fail('UNAVAILABLE');
    for (let i = 0; i < 4; i++) dek.account(1);
    const refused = settled(manager.forSeal(topic));
    await expect(refused).rejects.toMatchObject({ reason: 'KMS_UNREACHABLE' });
    expect(dek.isAlive).toBe(true);
  });

  test('a new primary version is used by the next seal; the old DEK still opens', async () => {
    const { manager, keys, rows } = await openScriptedBench();
    const old = await manager.forSeal(topic);
    keys.rotate(keyName);
    expect(await manager.forSeal(topic)).toMatchObject({ version: 2 });
    expect(manager.forOpen(topic, 1)).toBe(old);
    const row = decodeDekRow((await rows.get(dekRowKey(topic.uid, 2)))!.value);
    expect(row?.kekVersionName).toBe(`${keyName}/cryptoKeyVersions/2`);
  });

  test('a new primary version counts for a topic that was idle when it came', async () => {
    const { manager, keys, rows, clock } = await openScriptedBench();
    await manager.forSeal(topic);
    const again = await openDekBench({ keys, rows, clock });
    await clock.advance(minuteMs);
    keys.rotate(keyName);
    expect(await again.manager.forSeal(topic)).toMatchObject({ version: 2 });
    expect(again.manager.forSeal(topic)).toMatchObject({ version: 2 });
  });

  test('another key on the topic is used at once and is not retroactive', async () => {
    const { manager, keys, settled, events } = await openScriptedBench();
    const old = await manager.forSeal(topic);
    const moved = sealedTopic(1, `${keyName}2`);
    expect(await manager.forSeal(moved)).toMatchObject({ version: 2 });
    expect(manager.forOpen(moved, 1)).toBe(old);
    keys.setEnabled(keyName, false);
    expect(old.isAlive).toBe(false);
    expect(manager.forSeal(moved)).toMatchObject({ version: 2, isAlive: true });
    await expect(settled(manager.forOpen(moved, 1))).rejects.toMatchObject({
      message: expect.stringContaining(`when using key ${keyName}: `) as string,
    });
    expect(events).toEqual([]);
    keys.setEnabled(keyName, true);
    expect(await settled(manager.forOpen(moved, 1))).toMatchObject({ version: 1 });
    expect(events).toEqual([{ topicName: topic.name, topicUid: topic.uid, kind: 'restored' }]);
  });
});

describe('rows', () => {
  test('a row put in the place of another version or topic is refused', async () => {
    const { manager, keys, rows, clock } = await openScriptedBench();
    const other = sealedTopic(2);
    await manager.forSeal(topic);
    await manager.forSeal(other);
    await clock.advance(8 * hourMs);
    await manager.forSeal(topic);
    const valueOf = async (uid: Uint8Array, version: number): Promise<Uint8Array> =>
      (await rows.get(dekRowKey(uid, version)))!.value;
    const [one, two] = [await valueOf(topic.uid, 1), await valueOf(topic.uid, 2)];
    const foreign = await valueOf(other.uid, 1);
    for (const value of [two, foreign, one.subarray(0, 80), new Uint8Array(0)]) {
      await rows.txn([], [{ key: dekRowKey(topic.uid, 1), value }]);
      const again = await openScriptedBench({ keys, rows, clock });
      const opening = again.settled(again.manager.forOpen(topic, 1));
      await expect(opening).rejects.toMatchObject({ code: 'DATA_LOSS', reason: 'DEK_ROW_DAMAGED' });
    }
    // Made to look right in its clear fields, it is the wrap that does not fit.
    for (const value of [two, foreign]) {
      const forged = encodeDekRow({ ...decodeDekRow(value)!, version: 1, topicUid: topic.uid });
      await rows.txn([], [{ key: dekRowKey(topic.uid, 1), value: forged }]);
      const again = await openScriptedBench({ keys, rows, clock });
      const opening = again.settled(again.manager.forOpen(topic, 1));
      await expect(opening).rejects.toMatchObject({ reason: 'CIPHERTEXT_INVALID' });
    }
  });

  test('an absent row is DATA_LOSS', async () => {
    const { manager, settled } = await openScriptedBench();
    const opening = settled(manager.forOpen(topic, 7));
    await expect(opening).rejects.toMatchObject({ code: 'DATA_LOSS', reason: 'DEK_ROW_DAMAGED' });
  });

  test('other bytes from the key service are caught by the commitment, new or stored', async () => {
    const { manager, keys, rows, settled, clock } = await openScriptedBench();
    keys.returnsOtherBytes = true;
    const making = settled(manager.forSeal(topic));
    await expect(making).rejects.toMatchObject({ reason: 'DEK_COMMITMENT_MISMATCH' });
    expect(await rows.list('dek/')).toEqual([]);
    keys.returnsOtherBytes = false;
    await clock.advance(1_000);
    const dek = await settled(manager.forSeal(topic));
    await manager.forSeal(topic);
    keys.returnsOtherBytes = true;
    await clock.advance(1);
    await manager.forSeal(topic);
    await clock.advance(6 * minuteMs);
    expect(dek.isAlive).toBe(false);
    const opening = settled(manager.forOpen(topic, 1));
    await expect(opening).rejects.toMatchObject({
      code: 'DATA_LOSS',
      reason: 'DEK_COMMITMENT_MISMATCH',
    });
  });

  test('forgetting a topic removes its rows, kills its DEKs and compacts once', async () => {
    const { manager, rows, clock, keys } = await openScriptedBench();
    let compactionCount = 0;
    const compact = rows.compact.bind(rows);
    rows.compact = () => {
      compactionCount++;
      return compact();
    };
    const other = sealedTopic(2);
    const deks = [await manager.forSeal(topic), await manager.forSeal(other)];
    await Promise.all([manager.forget(topic), manager.forget(other)]);
    expect(deks.map((dek) => dek.isAlive)).toEqual([false, false]);
    expect(await rows.list('dek/')).toEqual([]);
    await expect(manager.forSeal(topic)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await clock.advance(1_000);
    expect(compactionCount).toBe(1);
    expect(await rows.list('')).toEqual([]);
    expect(keys.count('encrypt')).toBe(2);
  });

  test('an erasure whose compaction did not happen is completed at the next start', async () => {
    const { manager, rows, clock, keys } = await openScriptedBench();
    await manager.forSeal(topic);
    await manager.forget(topic);
    manager.close();
    let compactionCount = 0;
    const compact = rows.compact.bind(rows);
    rows.compact = () => {
      compactionCount++;
      return compact();
    };
    await openScriptedBench({ keys, rows, clock });
    await clock.advance(1_000);
    expect(compactionCount).toBe(1);
    expect(await rows.list('')).toEqual([]);
  });

  test('the bytes of a row are these', () => {
    const row = {
      topicUid: new Uint8Array(16).fill(0xaa),
      version: 3,
      suite: suiteIds.xchacha20Poly1305,
      createTimeMs: 1_767_225_600_000,
      sealFromMs: 1_767_225_630_000,
      kekName: 'k',
      kekVersionName: 'k/1',
      commitment: new Uint8Array(32).fill(0xcc),
      wrapped: Uint8Array.of(1, 2, 3),
    };
    const hex = Buffer.from(encodeDekRow(row)).toString('hex');
    expect(hex).toBe(
      `0102${'aa'.repeat(16)}000000030000019b76daa8000000019b76db1d30${'cc'.repeat(32)}` +
        '000000016b000000036b2f3100000003010203',
    );
    expect(decodeDekRow(encodeDekRow(row))).toEqual(row);
    expect(decodeDekRow(Uint8Array.of(...encodeDekRow(row), 0))).toBeNull();
  });
});

test('probe encrypts and decrypts under the topic key and stores nothing', async () => {
  const { manager, keys, rows, settled } = await openScriptedBench();
  await manager.probe(topic);
  expect([keys.count('encrypt'), keys.count('decrypt')]).toEqual([1, 1]);
  expect(await rows.list('')).toEqual([]);
  keys.setEnabled(keyName, false);
  await expect(settled(manager.probe(topic))).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    reason: 'KEY_VERSION_DISABLED',
    message:
      `Cloud KMS error when using key ${keyName}: ${keyName}/cryptoKeyVersions/1 is not enabled, ` +
      'current state is: DISABLED.',
    details: [{ violations: [{ type: 'KEY_DISABLED' }] }],
  });
  const fresh = new ScriptedKeyService();
  fresh.returnsOtherBytes = true;
  const bench = await openScriptedBench({ keys: fresh });
  await expect(bench.manager.probe(topic)).rejects.toMatchObject({ code: 'DATA_LOSS' });
});
