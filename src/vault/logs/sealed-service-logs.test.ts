import { expect, onTestFinished, test } from 'vitest';

import { aeadProviders, type AeadKey } from '../../crypto/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { FaultPlan, openMemoryStore, type Store } from '../../storage/index.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { tamperedStore } from '../../../test/support/tampered-store.ts';
import { verifiedPart } from '../../../test/support/verified-part.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { serviceLogsVerifiable } from './log-verifiable.ts';
import { openServiceLogs } from './sealed-service-logs.ts';
import type { LoggedServiceEntry, ServiceLogEntry, ServiceLogs } from './service-logs.ts';

const service = { project: 'p', location: 'l', serviceId: 's' };
const other = { ...service, serviceId: 'other' };
const elsewhere = { ...service, project: 'q' };
const all = {
  project: 'p',
  fromMs: 0,
  toMs: Number.MAX_SAFE_INTEGER,
  order: 'asc',
  limit: 1_000,
} as const;
const key: AeadKey = aeadProviders({
  clock: new VirtualClock(),
  entropy: new SeededEntropy(1),
  log: silentLogger,
}).preferred.importKey(new Uint8Array(32).fill(9));

interface Bench {
  readonly clock: VirtualClock;
  readonly store: Store;
  readonly faults: FaultPlan;
  readonly logs: ServiceLogs;
  dropped: number;
  say(text: string, more?: Partial<ServiceLogEntry>): void;
  reopen(store?: Store): Promise<ServiceLogs>;
}

async function open(bytesMax: number = 1_000_000): Promise<Bench> {
  const clock = new VirtualClock();
  const faults = new FaultPlan();
  const store = openMemoryStore({ clock, faults });
  let seed = 1;
  const reopen = (opened: Store = store): Promise<ServiceLogs> =>
    openServiceLogs({
      store: opened,
      key,
      clock,
      entropy: new SeededEntropy(++seed),
      log: silentLogger,
      observer: { logLinesDropped: (count) => void (bench.dropped += count) },
      bytesMax,
    });
  const bench: Bench = {
    clock,
    store,
    faults,
    dropped: 0,
    logs: await reopen(),
    reopen,
    say(text, more = {}) {
      const revision = { ...service, revisionId: 's-1' };
      const timeMs = clock.wallMs();
      this.logs.append({ log: 'stdout', severity: 'DEFAULT', revision, timeMs, text, ...more });
    },
  };
  onTestFinished(() => bench.logs.close());
  return bench;
}

const texts = (entries: readonly LoggedServiceEntry[]): (string | undefined)[] =>
  entries.map(({ text }) => text);
const revisionIn = (where: typeof service): { revision: ServiceLogEntry['revision'] } => ({
  revision: { ...where, revisionId: 'r-1' },
});

test('what was appended is read back whole, with insert ids that only grow', async () => {
  const bench = await open();
  const { logs, clock } = bench;
  bench.say('one', { instanceId: 'i', log: 'stderr', severity: 'ERROR' });
  await clock.advance(5);
  bench.say('', {
    log: 'requests',
    severity: 'INFO',
    httpRequest: { status: 200, requestUrl: '/', latency: '0.1s' },
  });
  const entries = await logs.read(all);
  expect(entries).toMatchObject([
    {
      text: 'one',
      instanceId: 'i',
      log: 'stderr',
      severity: 'ERROR',
      revision: { ...service, revisionId: 's-1' },
      timeMs: clock.wallMs() - 5,
    },
    { log: 'requests', httpRequest: { status: 200, requestUrl: '/', latency: '0.1s' } },
  ]);
  const [first, second] = entries;
  expect(first!.insertId < second!.insertId).toBe(true);
  expect(await logs.logNames('p')).toEqual(['requests', 'stderr']);
  expect(await logs.logNames('q')).toEqual([]);
});

test('pages of both orders hold every entry of all services once', async () => {
  const bench = await open();
  const expected: string[] = [];
  for (let i = 0; i < 200; i++) {
    bench.say(`line ${i}`, i % 3 === 0 ? revisionIn(other) : {});
    if (i % 10 === 0) bench.say('not ours', revisionIn(elsewhere));
    expected.push(`line ${i}`);
    await bench.clock.advance(i % 7 === 0 ? 300 : 1);
  }
  for (const order of ['asc', 'desc'] as const) {
    const found: LoggedServiceEntry[] = [];
    for (;;) {
      const after = found.at(-1)?.insertId;
      const page = await bench.logs.read({ ...all, order, limit: 7, ...(after && { after }) });
      if (page.length === 0) break;
      found.push(...page);
    }
    expect(texts(found)).toEqual(order === 'asc' ? expected : expected.toReversed());
    const ids = found.map(({ insertId }) => insertId);
    expect(ids).toEqual(order === 'asc' ? ids.toSorted() : ids.toSorted().toReversed());
  }
  const ofOther = await bench.logs.read({ ...all, service: other });
  expect(texts(ofOther)).toEqual(expected.filter((_line, i) => i % 3 === 0));
});

test('times bound what is read, both ends included', async () => {
  const bench = await open();
  const startMs = bench.clock.wallMs();
  for (let i = 0; i < 50; i++) {
    bench.say(String(i));
    await bench.clock.advance(100);
  }
  for (const order of ['asc', 'desc'] as const) {
    const range = { ...all, fromMs: startMs + 1_000, toMs: startMs + 1_900, order };
    const found = texts(await bench.logs.read(range));
    const expected = ['10', '11', '12', '13', '14', '15', '16', '17', '18', '19'];
    expect(found).toEqual(order === 'asc' ? expected : expected.toReversed());
  }
});

test('an entry is never before the one ahead of it, though the wall clock is', async () => {
  const bench = await open();
  const startMs = bench.clock.wallMs();
  bench.say('one');
  await bench.logs.flush();
  bench.clock.stepWall(-3_600_000);
  bench.say('two');
  const entries = await bench.logs.read(all);
  expect(texts(entries)).toEqual(['one', 'two']);
  expect(entries[1]!.timeMs).toBe(startMs);
});

test('what was flushed outlives a crash; only what was not is lost', async () => {
  const bench = await open();
  bench.say('kept');
  await bench.logs.flush();
  bench.say('kept too');
  await bench.clock.advance(200);
  bench.say('lost');
  const again = await bench.reopen();
  expect(texts(await again.read(all))).toEqual(['kept', 'kept too']);
  expect(await again.logNames('p')).toEqual(['stdout']);
  again.append({
    log: 'stdout',
    severity: 'DEFAULT',
    revision: { ...service, revisionId: 's-1' },
    timeMs: bench.clock.wallMs(),
    text: 'later',
  });
  expect(texts(await again.read(all))).toEqual(['kept', 'kept too', 'later']);
  await again.close();
});

test('lines that come together share a segment', async () => {
  const bench = await open();
  for (let i = 0; i < 100; i++) bench.say(String(i));
  await bench.clock.advance(200);
  expect(bench.store.stats().segmentCount).toBe(1);
  expect(await bench.logs.read(all)).toHaveLength(100);
});

test('the oldest lines go when there are too many bytes, whosever they are', async () => {
  const bench = await open(20_000);
  for (let i = 0; i < 100; i++) {
    bench.say(`${i} `.padEnd(500, 'x'), i % 2 === 0 ? {} : revisionIn(other));
    await bench.clock.advance(300);
  }
  const kept = texts(await bench.logs.read(all)).map((text = '') => Number.parseInt(text, 10));
  expect(kept.length).toBeGreaterThan(15);
  expect(kept.length).toBeLessThan(40);
  expect(kept).toEqual(kept.map((_line, i) => 100 - kept.length + i));
  expect(bench.store.stats().diskBytes).toBeLessThan(20_000);
  // A reader of what is there now finds what the bytes on disk say.
  const again = await bench.reopen();
  expect(await again.read(all)).toHaveLength(kept.length);
  await again.close();
});

test('what does not fit into the queue is dropped, counted, and told in a line', async () => {
  const bench = await open(100_000_000);
  const long = 'x'.repeat(60_000);
  for (let i = 0; i < 200; i++) bench.say(long);
  expect(bench.dropped).toBeGreaterThan(50);
  const entries = await bench.logs.read(all);
  expect(entries).toHaveLength(200 - bench.dropped + 1);
  expect(entries.at(-1)).toMatchObject({
    log: 'varlog/system',
    severity: 'WARNING',
    text: `${bench.dropped} log lines were dropped: they came faster than they could be stored.`,
  });
  bench.say('after');
  expect(texts(await bench.logs.read(all)).at(-1)).toBe('after');
});

test.each(['io', 'unknown-lost', 'unknown-landed', 'conflict'] as const)(
  'each line is there once after a commit that ended in %s',
  async (fault) => {
    const bench = await open();
    bench.say('first');
    await bench.logs.flush();
    bench.say('second');
    bench.say('other', revisionIn(other));
    await bench.clock.advance(150);
    // The row of the other log is made first.
    bench.faults.next(...(fault === 'io' ? [fault] : []));
    await bench.clock.advance(60_000);
    bench.say('third');
    bench.faults.next(fault);
    await bench.clock.advance(60_000);
    const found = texts(await bench.logs.read(all));
    expect(new Set(found)).toEqual(new Set(['first', 'other', 'second', 'third']));
    expect(found).toHaveLength(4);
    const part = await verifiedPart(verifiableOf(bench));
    expect(part.damaged).toEqual([]);
  },
);

test('a line whose commit stays in doubt for a while is there once', async () => {
  const bench = await open();
  bench.say('first');
  await bench.logs.flush();
  const resolve = bench.store.resolve.bind(bench.store);
  bench.store.resolve = () => Promise.reject(new Error('planned'));
  bench.faults.next('unknown-landed');
  bench.say('second');
  await expect(bench.logs.flush()).rejects.toThrow('planned');
  bench.store.resolve = resolve;
  await bench.clock.advance(5_000);
  expect(texts(await bench.logs.read(all))).toEqual(['first', 'second']);
  expect(bench.store.stats().segmentCount).toBe(2);
});

test('readers see what is stored while nothing can be written', async () => {
  const bench = await open();
  bench.say('stored');
  await bench.logs.flush();
  bench.faults.next('full', 'full');
  bench.say('waiting');
  await expect(bench.logs.flush()).rejects.toThrow('planned');
  expect(texts(await bench.logs.read(all))).toEqual(['stored']);
  await bench.clock.advance(5_000);
  expect(texts(await bench.logs.read(all))).toEqual(['stored', 'waiting']);
});

test('a removed service leaves nothing, and its name starts anew', async () => {
  const bench = await open();
  bench.say('old');
  bench.say('kept', revisionIn(other));
  await bench.logs.flush();
  bench.say('never written');
  await bench.logs.remove(service);
  expect(texts(await bench.logs.read(all))).toEqual(['kept']);
  expect(bench.store.stats().segmentCount).toBe(1);
  bench.say('new');
  expect(texts(await bench.logs.read({ ...all, service }))).toEqual(['new']);
  const again = await bench.reopen();
  expect(texts(await again.read({ ...all, service }))).toEqual(['new']);
  await again.close();
});

test('a removal that a crash interrupted is finished at the next start', async () => {
  const bench = await open();
  bench.say('old');
  await bench.logs.flush();
  bench.store.drop = () => Promise.reject(new Error('planned'));
  await expect(bench.logs.remove(service)).rejects.toThrow('planned');
  Reflect.deleteProperty(bench.store, 'drop');
  const again = await bench.reopen();
  expect(bench.store.stats().segmentCount).toBe(0);
  expect(await again.read(all)).toEqual([]);
  await again.close();
});

test('a line whose fields have no JSON is dropped, and nothing is thrown', async () => {
  const bench = await open();
  bench.say('x', { json: { n: 1n } });
  expect(bench.dropped).toBe(1);
  await bench.logs.close();
  bench.say('after the end');
  expect(bench.dropped).toBe(2);
});

test('lines are not in the store in the clear', async () => {
  const bench = await open();
  bench.say('a secret of the customer');
  await bench.logs.flush();
  const [segment] = await bench.store.read(1, 0, 0);
  expect(Buffer.from(segment!.body).includes('secret')).toBe(false);
});

const verifiableOf = ({ store, clock }: Bench): ReturnType<typeof serviceLogsVerifiable> =>
  serviceLogsVerifiable({ store, key, clock, entropy: new SeededEntropy(3) });

test('a changed, moved or missing segment is found, and the rest is read all the same', async () => {
  const bench = await open();
  for (let i = 0; i < 6; i++) {
    bench.say(String(i));
    await bench.logs.flush();
  }
  expect(await verifiedPart(verifiableOf(bench))).toMatchObject({ expected: 6, passed: 6 });
  const segments = (await bench.store.read(1, 0, 1_000_000))
    .filter(({ base }) => base !== 2)
    .map((each) => {
      if (each.base === 1) each.body[60]! ^= 1;
      return each.base === 4 ? { ...each, timeMs: each.timeMs + 1 } : each;
    });
  const store = tamperedStore(bench.store, segments);
  const where = 'projects/p/locations/l/services/s line';
  const part = await verifiedPart(verifiableOf({ ...bench, store }));
  expect(part.damaged).toEqual([
    `${where} 1: it is not what was written there`,
    `${where} 2: stored lines are missing`,
    `${where} 4: it is not what was written there`,
  ]);
  const again = await bench.reopen(store);
  expect(texts(await again.read(all))).toEqual(['0', '3', '5']);
  await again.close();
});
