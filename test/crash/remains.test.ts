import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { openLmdbStore, segmentKinds, type Append } from '../../src/storage/index.ts';
import { Ledger } from './ledger.ts';
import { marker, payloadOf } from './payload.ts';
import type { Incoming } from './pubsub-client.ts';
import { openSecrets, readJournal, reusedIds, strayedSegments, type SeenIds } from './remains.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-remains-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const key = 'ab'.repeat(32);

describe('the search for open secrets', () => {
  const secretsIn = (content: Buffer | string): string[] => {
    writeFileSync(join(folder, 'data.mdb'), content);
    return openSecrets([folder], [key]).map((found) => found.replace(/^.* holds/, 'holds'));
  };

  test('finds text, its base64 and a key at any offset', () => {
    expect(secretsIn(`junk${marker}1-2`)).toEqual(['holds plaintext']);
    expect(secretsIn(Buffer.from(`${marker}1-2`).toString('base64'))).toEqual(['holds plaintext']);
    for (const offset of [0, 1, 2, 3, 4097]) {
      const content = Buffer.concat([Buffer.alloc(offset), Buffer.from(key, 'hex')]);
      expect(secretsIn(content)).toEqual(['holds a key']);
    }
  });

  test('finds nothing in part of a key', () => {
    expect(secretsIn(Buffer.from(key.slice(2), 'hex'))).toEqual([]);
  });
});

describe('the audit of segments', () => {
  const append = (at: number, body: string): Append => ({
    log: 1,
    at,
    epoch: 0,
    count: 1,
    timeMs: 5,
    kind: segmentKinds.messages,
    id: new Uint8Array(16).fill(at + 1),
    body: Buffer.from(body),
  });

  async function strayed(seen: SeenIds): Promise<string[]> {
    const options = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
    const store = await openLmdbStore({ ...options, dataDir: folder, reserveBytes: 0 });
    await store.commit([append(0, 'one'), append(1, 'two')]);
    await store.close();
    return await strayedSegments(folder, join(folder, 'scratch'), 3, seen);
  }

  const digests = {
    one: '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',
    two: '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',
  };
  const seenAs = (first: string, second: string): SeenIds =>
    new Map([
      ['01'.repeat(16), `1 0 0 1 5 1 ${first}`],
      ['02'.repeat(16), `1 1 0 1 5 1 ${second}`],
    ]);

  test('is silent when each id is where it was put, with its bytes', async () => {
    expect(await strayed(seenAs(digests.one, digests.two))).toEqual([]);
  });

  test('names a segment with other bytes, and one that nobody stored', async () => {
    expect(await strayed(seenAs(digests.one, digests.one))).toHaveLength(1);
    expect(await strayed(new Map())).toHaveLength(2);
  });

  test('names an id that was given to the store twice for different bytes', () => {
    const path = join(folder, 'journal');
    writeFileSync(path, `append aa 1 0 0 1 5 1 x\nappend aa 1 0 0 1 5 1 x\nkey ${key}\n`);
    const seen: SeenIds = new Map();
    expect(readJournal(path).keys).toEqual([key]);
    expect(reusedIds(seen, readJournal(path))).toEqual([]);
    writeFileSync(path, 'append aa 1 1 0 1 5 1 x\nkilled beforeTrim 3\n');
    expect(reusedIds(seen, readJournal(path))).toHaveLength(1);
    expect(readJournal(path).killedAt).toBe('beforeTrim');
  });
});

describe('the account of promises', () => {
  const incoming = (name: string, messageId = '1'): Incoming => {
    const { data, attributes } = payloadOf(name, 10, false);
    return { data, attributes, messageId, ackId: 'ack', orderingKey: '' };
  };
  const opened = (): { ledger: Ledger; known: ReturnType<Ledger['wantSubscription']> } => {
    const ledger = new Ledger();
    const known = ledger.wantSubscription('s', 't');
    known.state = 'there';
    ledger.sent(['1-1'], 't');
    return { ledger, known };
  };

  test('a delivery asked for after the answer of its ack is a broken promise', () => {
    const { ledger, known } = opened();
    const before = ledger.now();
    ledger.received(known, [incoming('1-1')], before);
    ledger.ackAnswered(known, ['1-1']);
    ledger.received(known, [incoming('1-1')], before);
    expect(ledger.violations).toEqual([]);
    ledger.received(known, [incoming('1-1')], ledger.now());
    expect(ledger.violations).toEqual(['s got 1-1 again after its ack was answered']);
  });

  test('changed bytes, a second id and a message of nobody are broken promises', () => {
    const { ledger, known } = opened();
    const changed = incoming('1-1');
    changed.data[40]! ^= 1;
    ledger.received(known, [changed], ledger.now());
    ledger.received(known, [incoming('9-9')], ledger.now());
    ledger.received(known, [incoming('1-1', '1'), incoming('1-1', '2')], ledger.now());
    expect(ledger.violations).toHaveLength(3);
  });

  test('what was answered is owed to those who read then, until they send its ack', () => {
    const { ledger, known } = opened();
    ledger.published(['1-1'], ['1'], ledger.readers('t'));
    expect([...known.owed]).toEqual(['1-1']);
    ledger.acking(known, ['1-1']);
    ledger.published(['1-1'], ['1'], ledger.readers('t'));
    expect([...known.owed]).toEqual([]);
  });
});
