import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Append, Outcome, Store } from './index.ts';
import { segmentKinds } from './index.ts';

/** A store that a case may use and must close; `reopen` is null where nothing outlives it. */
export interface Opened {
  readonly store: Store;
  readonly commits: number[];
  readonly reopen: (() => Promise<Opened>) | null;
  readonly close: () => Promise<void>;
}

let idCount = 0;

/** An append of `count` entries whose body repeats a byte. */
export function append(log: number, at: number, rest: Partial<Append> = {}): Append {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, ++idCount);
  const body = new Uint8Array(40).fill(at % 251);
  const { messages } = segmentKinds;
  return { log, at, epoch: 0, id, count: 1, timeMs: 1000 + at, kind: messages, body, ...rest };
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Every eighth record of an ack log is a page, the rest are deltas. */
const kindOf = (at: number) => (at % 8 === 7 ? segmentKinds.ackPage : segmentKinds.ackDelta);
const sizeOf = (at: number) => (at % 8 === 7 ? 4096 : 20);

async function withStore(open: () => Promise<Opened>, use: (opened: Opened) => Promise<void>) {
  const opened = await open();
  try {
    await use(opened);
  } finally {
    await opened.close();
  }
}

const bases = async (store: Store, log: number, from: number, bytesMax = 1e9) =>
  (await store.read(log, from, bytesMax)).map((segment) => segment.base);

/** What every engine must do alike. */
export function storeCases(engine: string, open: () => Promise<Opened>): void {
  const check = (name: string, use: (opened: Opened) => Promise<void>): void =>
    test(name, () => withStore(open, use));

  describe(`${engine}: compare-and-append`, () => {
    check('an append at the tail is stored whole and moves the tail', async ({ store }) => {
      const op = append(1, 0, { count: 3, timeMs: 7, kind: segmentKinds.takeover, epoch: 4 });
      expect(await store.commit([op])).toEqual(['ok']);
      expect(await store.tails([1])).toEqual([{ next: 3, trim: 0, epoch: 4, timeMs: 7 }]);
      const [segment] = await store.read(1, 0, 1);
      const { count, epoch, timeMs, kind } = op;
      expect(segment).toMatchObject({ log: 1, base: 0, count, epoch, timeMs, kind });
      expect(Buffer.from(segment!.body).equals(op.body)).toBe(true);
      expect(Buffer.from(segment!.id).equals(op.id)).toBe(true);
    });

    check('an append elsewhere is a conflict and writes nothing', async ({ store }) => {
      expect(await store.commit([append(1, 1)])).toEqual(['conflict']);
      expect(await store.commit([append(1, 0), append(1, 0), append(1, 5)])).toEqual([
        'ok',
        'conflict',
        'conflict',
      ]);
      expect(await store.tails([1])).toMatchObject([{ next: 1 }]);
      expect(await bases(store, 1, 0)).toEqual([0]);
    });

    check('ops of one call follow each other, and logs are apart', async ({ store }) => {
      const ops = [append(1, 0, { count: 2 }), append(2, 0), append(1, 2), append(2, 1)];
      expect(await store.commit(ops)).toEqual(['ok', 'ok', 'ok', 'ok']);
      expect(await bases(store, 1, 0)).toEqual([0, 2]);
      expect(await bases(store, 2, 0)).toEqual([0, 1]);
    });

    check('two writers that believe in one tail: one wins', async ({ store }) => {
      const calls = Array.from({ length: 10 }, () => store.commit([append(1, 0)]));
      const outcomes = (await Promise.all(calls)).flat();
      expect(outcomes.toSorted()).toEqual([...Array<Outcome>(9).fill('conflict'), 'ok']);
    });

    check('a body beyond the limit is a bug, and one at it is stored', async ({ store }) => {
      const tooLong = append(1, 0, { body: new Uint8Array(store.bodyBytesMax + 1) });
      await expect(store.commit([tooLong])).rejects.toThrow('bodyBytesMax');
      const longest = append(1, 0, { body: new Uint8Array(store.bodyBytesMax).fill(9) });
      expect(await store.commit([longest])).toEqual(['ok']);
      expect((await store.read(1, 0, 1))[0]!.body.length).toBe(store.bodyBytesMax);
    });
  });

  describe(`${engine}: group commit`, () => {
    check('calls of many callers travel in one transaction', async ({ store, commits }) => {
      const calls = Array.from({ length: 200 }, (_, log) => store.commit([append(log + 1, 0)]));
      const outcomes = (await Promise.all(calls)).flat();
      expect(new Set(outcomes)).toEqual(new Set(['ok']));
      expect(commits).toEqual([200]);
    });

    check('what arrives during a commit shares the next, rows too', async ({ store, commits }) => {
      const put = { key: 'row', value: new Uint8Array([1]) };
      const first = store.commit([append(1, 0)]);
      const second = first.then(() =>
        Promise.all([
          store.commit([append(1, 1)]),
          store.commit([append(2, 0)]),
          store.meta.txn([], [put]),
        ]),
      );
      expect(await second).toEqual([['ok'], ['ok'], true]);
      expect(commits).toEqual([1, 3]);
    });

    check('nobody reads past a tail that is not durable', async ({ store }) => {
      const pending = store.commit([append(1, 0)]);
      expect(await store.tails([1])).toMatchObject([{ next: 0 }]);
      expect(await store.read(1, 0, 100)).toEqual([]);
      await pending;
      expect(await bases(store, 1, 0)).toEqual([0]);
    });
  });

  describe(`${engine}: fencing`, () => {
    check('own raises the epoch once, and lower epochs are fenced', async ({ store }) => {
      expect(await store.own(1, 0)).toEqual({ epoch: 1 });
      expect(await store.own(1, 0)).toBeNull();
      expect(await store.commit([append(1, 0)])).toEqual(['fenced']);
      expect(await store.commit([append(1, 0, { epoch: 1 })])).toEqual(['ok']);
      expect(await store.own(1, 1)).toEqual({ epoch: 2 });
      expect(await store.tails([1])).toMatchObject([{ next: 1, epoch: 2 }]);
    });

    check('two takers of one epoch: one gets it', async ({ store }) => {
      const taken = await Promise.all([store.own(1, 0), store.own(1, 0), store.own(1, 0)]);
      expect(taken.filter((one) => one !== null)).toEqual([{ epoch: 1 }]);
    });

    check('a segment of a newer epoch fences older writers', async ({ store }) => {
      await store.commit([append(1, 0, { epoch: 3, kind: segmentKinds.takeover })]);
      expect(await store.commit([append(1, 1, { epoch: 2 })])).toEqual(['fenced']);
    });
  });

  describe(`${engine}: resolve`, () => {
    check('finds exactly the id, at exactly the base', async ({ store }) => {
      const op = append(1, 0);
      await store.commit([op]);
      expect(await store.resolve(op)).toBe('ok');
      expect(await store.resolve(append(1, 0))).toBe('conflict');
      expect(await store.resolve({ ...op, at: 1 })).toBe('conflict');
      await store.own(1, 0);
      expect(await store.resolve(op)).toBe('ok');
      expect(await store.resolve(append(1, 1))).toBe('fenced');
    });
  });

  describe(`${engine}: read`, () => {
    check('starts at the segment that holds the sequence, within the bytes', async ({ store }) => {
      const ops = [0, 4, 8, 12].map((at) => append(1, at, { count: 4 }));
      await store.commit(ops);
      expect(await bases(store, 1, 5)).toEqual([4, 8, 12]);
      expect(await bases(store, 1, 4, 80)).toEqual([4, 8]);
      expect(await bases(store, 1, 4, 79)).toEqual([4]);
      expect(await bases(store, 1, 4, 0)).toEqual([4]);
      expect(await bases(store, 1, 16)).toEqual([]);
      expect(await bases(store, 9, 0)).toEqual([]);
    });

    check('gives owned bytes', async ({ store }) => {
      await store.commit([append(1, 0)]);
      const [first] = await store.read(1, 0, 1);
      first!.body.fill(99);
      const [second] = await store.read(1, 0, 1);
      await store.commit([append(1, 1), append(2, 0)]);
      expect(second!.body[0]).toBe(0);
      expect(second!.body.buffer.byteLength).toBeLessThan(200);
    });
  });

  describe(`${engine}: trim, drop, locate`, () => {
    check('trim frees whole segments and never the last', async ({ store }) => {
      await store.commit([0, 4, 8].map((at) => append(1, at, { count: 4 })));
      await store.trim([{ log: 1, below: 7 }]);
      expect(await store.tails([1])).toMatchObject([{ trim: 4, next: 12 }]);
      expect(await bases(store, 1, 0)).toEqual([4, 8]);
      await store.trim([{ log: 1, below: 3 }]);
      expect(await bases(store, 1, 4)).toEqual([4, 8]);
      await store.trim([{ log: 1, below: 1e9 }]);
      expect(await store.tails([1])).toMatchObject([{ trim: 8, next: 12, timeMs: 1008 }]);
      expect(await store.commit([append(1, 12)])).toEqual(['ok']);
      expect(store.stats().segmentCount).toBe(2);
    });

    check('trim and drop take thousands of segments in steps', async ({ store }) => {
      const many = Array.from({ length: 1500 }, (_, at) => append(1, at));
      await store.commit([...many, append(2, 0)]);
      await store.trim([{ log: 1, below: 1400 }]);
      expect(store.stats().segmentCount).toBe(101);
      expect(await store.tails([1])).toMatchObject([{ trim: 1400, next: 1500 }]);
      await store.commit(Array.from({ length: 1100 }, (_, at) => append(1, 1500 + at)));
      await store.drop([1]);
      expect(store.stats().segmentCount).toBe(1);
      expect(await store.tails([1, 2])).toMatchObject([{ next: 0, epoch: 0 }, { next: 1 }]);
    });

    check('a drop takes what was sent before it, and its epoch', async ({ store }) => {
      await store.own(1, 0);
      const sent = store.commit([append(1, 0, { epoch: 1 })]);
      await store.drop([1]);
      expect(await sent).toEqual(['ok']);
      expect(await store.tails([1])).toEqual([{ next: 0, trim: 0, epoch: 0, timeMs: 0 }]);
      expect(store.stats().segmentCount).toBe(0);
    });

    check('locate finds the first sequence at or after a time', async ({ store }) => {
      const times = [10, 10, 20, 30, 30, 50];
      await store.commit(times.map((timeMs, n) => append(1, n * 2, { count: 2, timeMs })));
      const found = await Promise.all([0, 10, 11, 30, 31, 50, 51].map((t) => store.locate(1, t)));
      expect(found).toEqual([0, 0, 4, 6, 10, 10, 12]);
      await store.trim([{ log: 1, below: 5 }]);
      expect(await store.locate(1, 0)).toBe(4);
      expect(await store.locate(7, 0)).toBe(0);
    });
  });

  describe(`${engine}: ack state`, () => {
    check('thousands of deltas and pages of many logs read back in order', async ({ store }) => {
      for (let at = 0; at < 64; at++) {
        const rest = { kind: kindOf(at), body: new Uint8Array(sizeOf(at)).fill(at) };
        const calls = Array.from({ length: 30 }, (_, log) =>
          store.commit([append(log + 1, at, rest)]),
        );
        await Promise.all(calls);
      }
      for (const log of [1, 17, 30]) {
        const segments = await store.read(log, 0, 1e9);
        expect(segments.map(({ base }) => base)).toEqual(Array.from({ length: 64 }, (_, at) => at));
        expect(segments.every(({ base, kind }) => kind === kindOf(base))).toBe(true);
        expect(segments.every(({ base, body }) => body.every((byte) => byte === base))).toBe(true);
      }
    });
  });

  describe(`${engine}: rows`, () => {
    check('a transaction is all or nothing, by version', async ({ store: { meta } }) => {
      const a = { key: 'a', value: bytes('1') };
      expect(await meta.txn([{ key: 'a', version: 0 }], [a])).toBe(true);
      expect(await meta.txn([{ key: 'a', version: 0 }], [a])).toBe(false);
      const b = { key: 'b', value: bytes('b') };
      expect(await meta.txn([{ key: 'a', version: 2 }], [a, b])).toBe(false);
      expect(await meta.get('b')).toBeNull();
      const update = { key: 'a', value: bytes('2') };
      expect(await meta.txn([{ key: 'a', version: 1 }], [update, b])).toBe(true);
      const row = await meta.get('a');
      expect([row!.version, Buffer.from(row!.value).toString()]).toEqual([2, '2']);
      expect(await meta.txn([], [{ key: 'a', value: null }])).toBe(true);
      expect(await meta.get('a')).toBeNull();
      expect(await meta.txn([{ key: 'a', version: 0 }], [a])).toBe(true);
      expect((await meta.get('a'))!.version).toBe(1);
    });

    check('of transactions in flight on one row one passes', async ({ store: { meta } }) => {
      const attempt = () => meta.txn([{ key: 'k', version: 0 }], [{ key: 'k', value: bytes('x') }]);
      const passed = await Promise.all([attempt(), attempt(), attempt()]);
      expect(passed.filter(Boolean)).toHaveLength(1);
    });

    check('a transaction may only check', async ({ store: { meta } }) => {
      expect(await meta.txn([{ key: 'k', version: 0 }], [])).toBe(true);
      expect(await meta.txn([{ key: 'k', version: 1 }], [])).toBe(false);
    });

    check('lists by prefix in byte order, in pages', async ({ store: { meta } }) => {
      const keys = ['t/a', 't/b', 't/é', 't/\u{1f600}', 't/\uffee', 's/z', 'u', 't'];
      await meta.txn(
        [],
        keys.map((key) => ({ key, value: bytes(key) })),
      );
      const list = async (prefix: string, options = {}) =>
        (await meta.list(prefix, options)).map(({ key }) => key);
      const inOrder = ['t/a', 't/b', 't/é', 't/\uffee', 't/\u{1f600}'];
      expect(await list('t/')).toEqual(inOrder);
      expect(await list('t/', { limit: 2 })).toEqual(inOrder.slice(0, 2));
      expect(await list('t/', { after: 't/b', limit: 2 })).toEqual(inOrder.slice(2, 4));
      expect(await list('t/', { after: 't/bb' })).toEqual(inOrder.slice(2));
      expect(await list('', { after: 't' })).toEqual([...inOrder, 'u']);
      expect(await list('')).toHaveLength(keys.length);
      expect(await list('x')).toEqual([]);
      expect(await list('t/', { after: 'a' })).toEqual(inOrder);
    });
  });

  describe(`${engine}: life`, () => {
    check('close waits for what was sent and refuses what comes', async ({ store }) => {
      const sent = store.commit([append(1, 0)]);
      await store.close();
      expect(await sent).toEqual(['ok']);
      const refused = { fault: 'closed' };
      await expect(store.commit([append(1, 1)])).rejects.toMatchObject(refused);
      await expect(store.read(1, 0, 1)).rejects.toMatchObject(refused);
      await expect(store.tails([1])).rejects.toMatchObject(refused);
      await expect(store.trim([{ log: 1, below: 1 }])).rejects.toMatchObject(refused);
      await expect(store.own(1, 0)).rejects.toMatchObject(refused);
      await expect(store.resolve(append(1, 1))).rejects.toMatchObject(refused);
      await expect(store.meta.get('a')).rejects.toMatchObject(refused);
      await expect(store.meta.txn([], [])).rejects.toMatchObject(refused);
    });
  });

  modelCase(engine, open);
}

interface AppendStep {
  readonly do: 'append';
  readonly log: number;
  /** How far beyond the tail it aims. */
  readonly ahead: number;
  readonly count: number;
}

interface Place {
  readonly do: 'trim' | 'read' | 'locate';
  readonly log: number;
  readonly at: number;
}

type Step = AppendStep | Place | { readonly do: 'own' | 'drop' | 'reopen'; readonly log: number };

interface ModelLog {
  segments: { base: number; count: number; timeMs: number; body: number }[];
  next: number;
  epoch: number;
}

/** Random histories against the obvious implementation. */
function modelCase(engine: string, open: () => Promise<Opened>): void {
  const log = fc.integer({ min: 1, max: 3 });
  const at = fc.integer({ min: 0, max: 40 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        log,
        ahead: fc.constantFrom(0, 0, 0, 0, 1),
        count: fc.integer({ min: 1, max: 5 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('own', 'drop', 'reopen'), log }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom('trim', 'read', 'locate'), log, at }),
    },
  );
  test(`${engine}: random histories match a naive model`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let opened = await open();
        const model = new Map<number, ModelLog>();
        try {
          for (const [n, one] of steps.entries()) opened = await play(opened, model, one, n);
        } finally {
          await opened.close();
        }
      }),
      { numRuns: 60, seed: 20_260_101 },
    );
  });
}

async function play(opened: Opened, model: Map<number, ModelLog>, step: Step, n: number) {
  const { store } = opened;
  const known = model.get(step.log) ?? { segments: [], next: 0, epoch: 0 };
  model.set(step.log, known);
  if (step.do === 'reopen') return opened.reopen ? opened.reopen() : opened;
  if (step.do === 'drop') {
    await store.drop([step.log]);
    model.delete(step.log);
  } else if (step.do === 'own') {
    known.epoch += 1;
    expect(await store.own(step.log, known.epoch - 1)).toEqual({ epoch: known.epoch });
  } else if ('ahead' in step) await playAppend(store, known, step, n);
  else if ('at' in step) await playPlace(store, known, step);
  const now = model.get(step.log) ?? { segments: [], next: 0, epoch: 0 };
  const tail = { next: now.next, trim: now.segments[0]?.base ?? 0, epoch: now.epoch };
  expect(await store.tails([step.log])).toMatchObject([tail]);
  return opened;
}

async function playAppend(store: Store, known: ModelLog, step: AppendStep, n: number) {
  const base = known.next + step.ahead;
  const timeMs = Math.floor(n / 3);
  const body = new Uint8Array(10 + n).fill(n);
  const op = append(step.log, base, { count: step.count, timeMs, body, epoch: known.epoch });
  expect(await store.commit([op])).toEqual([step.ahead === 0 ? 'ok' : 'conflict']);
  if (step.ahead > 0) return;
  known.segments.push({ base, count: step.count, timeMs, body: body.length });
  known.next += step.count;
}

async function playPlace(store: Store, known: ModelLog, step: Place) {
  const { log, at } = step;
  if (step.do === 'trim') {
    await store.trim([{ log, below: at }]);
    known.segments = known.segments.filter(
      ({ base, count }, index, all) => base + count > at || index === all.length - 1,
    );
  } else if (step.do === 'read') {
    const wanted = known.segments.filter(({ base, count }) => base + count > at);
    const found = await store.read(log, at, 1e9);
    expect(
      found.map(({ base, count, timeMs, body }) => [base, count, timeMs, body.length]),
    ).toEqual(wanted.map(({ base, count, timeMs, body }) => [base, count, timeMs, body]));
  } else {
    const found = known.segments.find(({ timeMs }) => timeMs >= at);
    expect(await store.locate(log, at)).toBe(found?.base ?? known.next);
  }
}
