import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { BrokerHarness, textMessage } from '../../../test/support/broker-harness.ts';
import { segmentKinds, StorageError } from '../../storage/index.ts';
import type { Append, MemoryFault, MemoryStore, Outcome, Store } from '../../storage/index.ts';

/** Passes everything on, and keeps a copy of every append that was ever sent, with its outcome. */
function recording(sent: { op: Append; outcome: Outcome | 'rejected' }[]) {
  return (disk: MemoryStore): Store => {
    const commit = disk.commit.bind(disk);
    disk.commit = async (ops) => {
      const copies = ops.map((op) => ({ ...op, id: op.id.slice(), body: op.body.slice() }));
      try {
        const outcomes = await commit(ops);
        sent.push(...copies.map((op, i) => ({ op, outcome: outcomes[i]! })));
        return outcomes;
      } catch (error) {
        sent.push(...copies.map((op) => ({ op, outcome: 'rejected' as const })));
        throw error;
      }
    };
    return disk;
  };
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const fault = fc.constantFrom<MemoryFault>(
  'conflict',
  'unknown-landed',
  'unknown-lost',
  'full',
  'io',
  'readOnly',
);

/** One burst of requests, the faults that meet it, and what happens to the process after it. */
const burst = fc.record({
  faults: fc.array(fault, { maxLength: 4 }),
  requests: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  stepMs: fc.constantFrom(0, 1, 500),
  wallStepMs: fc.constantFrom(0, 0, -5_000, 60_000),
  turns: fc.constantFrom(0, 1, 2, 50),
  isCrash: fc.boolean(),
});

test('an id never names two different segments, whatever the storage does', async () => {
  const schedule = fc.array(burst, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(schedule, fc.nat(1_000), async (bursts, seed) => {
      const sent: { op: Append; outcome: Outcome | 'rejected' }[] = [];
      const harness = await BrokerHarness.open({ seed, wrapStore: recording(sent) });
      const topic = await harness.createTopic('orders');
      const subscription = await harness.createSubscription('billing', topic);
      for (const { faults, requests, stepMs, wallStepMs, turns, isCrash } of bursts) {
        harness.faults.next(...faults);
        const answers = requests.map((count, i) =>
          harness.broker.publish(
            topic,
            Array.from({ length: count }, (_, j) => textMessage(`message ${i} ${j}`)),
          ),
        );
        for (const answer of answers) answer.catch(() => undefined);
        await harness.clock.settle(turns);
        await harness.clock.advance(stepMs);
        harness.clock.stepWall(wallStepMs);
        if (isCrash) {
          harness.dropFaults();
          await harness.restart();
        }
        await harness.clock.settle(50);
        const received = await harness.pull(subscription).catch(() => []);
        const ackIds = received.map(({ ackId }) => ackId);
        await harness.acknowledge(subscription, ackIds).catch(() => undefined);
      }
      const named = new Map<string, string>();
      for (const { op } of sent) {
        const { log, at, epoch, count, timeMs, kind } = op;
        const content = [log, at, epoch, count, timeMs, kind, hexOf(op.body)].join(' ');
        const id = hexOf(op.id);
        expect(named.get(id) ?? content).toBe(content);
        named.set(id, content);
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

describe('one fault', () => {
  async function publishUnder(...faults: MemoryFault[]): Promise<{
    readonly answer: PromiseSettledResult<string[]>;
    readonly texts: string[];
    readonly sent: Append[];
  }> {
    const sent: { op: Append; outcome: Outcome | 'rejected' }[] = [];
    const harness = await BrokerHarness.open({ wrapStore: recording(sent) });
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic);
    await harness.publish(topic, 'before');
    harness.faults.next(...faults);
    const [answer] = await Promise.allSettled([harness.publish(topic, 'one', 'two')]);
    expect(harness.faults.pendingCount).toBe(0);
    await harness.publish(topic, 'after');
    const texts = (await harness.pull(subscription)).map(({ text }) => text);
    const messages = sent.map(({ op }) => op).filter(({ kind }) => kind === segmentKinds.messages);
    return { answer, texts, sent: messages };
  }

  test.each<[string, MemoryFault[], number]>([
    ['a conflict is sealed again under a new id', ['conflict'], 4],
    ['an unknown outcome that landed is not sent again', ['unknown-landed'], 3],
    ['an unknown outcome that was lost is sealed again', ['unknown-lost'], 4],
    ['several in a row', ['conflict', 'unknown-lost', 'unknown-landed'], 5],
  ])('%s, and the publish is answered once', async (_, faults, appends) => {
    const { answer, texts, sent } = await publishUnder(...faults);
    expect(answer.status).toBe('fulfilled');
    expect(texts).toEqual(['before', 'one', 'two', 'after']);
    expect(sent).toHaveLength(appends);
    expect(new Set(sent.map(({ id }) => hexOf(id))).size).toBe(appends);
  });

  test.each<[MemoryFault, string, string]>([
    ['full', 'RESOURCE_EXHAUSTED', 'DISK_FULL'],
    ['readOnly', 'UNAVAILABLE', 'DISK_READ_ONLY'],
    ['io', 'UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
  ])('%s refuses the publish, and the next one goes on', async (kind, code, reason) => {
    const { answer, texts } = await publishUnder(kind);
    expect(answer).toMatchObject({ status: 'rejected', reason: { code, reason } });
    expect(texts).toEqual(['before', 'after']);
  });

  test('an owner that was fenced refuses, and sends nothing more at that place', async () => {
    const harness = await BrokerHarness.open();
    const topic = await harness.createTopic('orders');
    await harness.publish(topic, 'one');
    const [tail] = await harness.store.tails([1]);
    await harness.until(harness.store.own(1, tail!.epoch));
    const refused = { code: 'UNAVAILABLE', reason: 'NOT_OWNER' };
    await expect(harness.publish(topic, 'two')).rejects.toMatchObject(refused);
    expect((await harness.store.tails([1]))[0]!.next).toBe(1);
  });

  test('an outcome that nobody can tell is said to be in doubt', async () => {
    const harness = await BrokerHarness.open({
      wrapStore: (disk) => {
        disk.resolve = () => Promise.reject(new StorageError('io', 'the disk is away'));
        return disk;
      },
    });
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic);
    harness.faults.next('unknown-landed');
    await expect(harness.publish(topic, 'one')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // It did land: it may come, and what follows has ids of its own.
    const [id] = await harness.publish(topic, 'two');
    const received = await harness.pull(subscription);
    expect(received.map(({ text }) => text)).toEqual(['one', 'two']);
    expect(received[1]!.messageId).toBe(id);
  });
});

test('requests that arrive while an append is under way share the next, each with its own ids', async () => {
  const sent: { op: Append; outcome: Outcome | 'rejected' }[] = [];
  const harness = await BrokerHarness.open({ wrapStore: recording(sent) });
  const topic = await harness.createTopic('orders');
  const answers = Array.from({ length: 50 }, (_, i) =>
    harness.broker.publish(topic, [textMessage(`a ${i}`), textMessage(`b ${i}`)]),
  );
  const ids = await harness.until(Promise.all(answers));
  expect(ids.flat()).toEqual(
    Array.from({ length: 100 }, (_, i) => `1${String(i).padStart(16, '0')}`),
  );
  const messages = sent.filter(({ op }) => op.kind === segmentKinds.messages);
  expect(messages.map(({ op }) => op.count)).toEqual([2, 98]);
});

test('a request is never split between segments, and a large one has its own', async () => {
  const sent: { op: Append; outcome: Outcome | 'rejected' }[] = [];
  const harness = await BrokerHarness.open({ wrapStore: recording(sent) });
  const topic = await harness.createTopic('orders');
  const sizes = [1_000, 200_000, 200_000, 900_000, 10];
  const answers = sizes.map((size) =>
    harness.broker.publish(topic, [textMessage('x'.repeat(size)), textMessage('y')]),
  );
  await harness.until(Promise.all(answers));
  const messages = sent.filter(({ op }) => op.kind === segmentKinds.messages);
  expect(messages.map(({ op }) => op.count)).toEqual([2, 2, 2, 2, 2]);
});
