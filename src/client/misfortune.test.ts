import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryNetwork } from '../../test/support/memory-network.ts';
import { ModelSessionServer } from '../../test/support/model-session-server.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { connect, type Message, type SettleResult } from './index.ts';

const topic = 'projects/p/topics/t';
const keys = ['', 'a', 'b'];
const messageCount = 60;

interface Chances {
  readonly seed: number;
  /** Of a hundred frames, how many end their connection. */
  readonly cuts: number;
  readonly losses: number;
  readonly refusals: number;
  readonly revocations: number;
}

interface Outcome {
  readonly server: ModelSessionServer;
  readonly pendingCount: number;
  readonly connectionCount: number;
  readonly calls: readonly { readonly text: string; readonly key: string; readonly id: string }[];
  /** Ids in the order of their first delivery. */
  readonly received: ReadonlySet<string>;
  readonly settled: ReadonlyMap<string, SettleResult>;
}

async function run({ seed, cuts, losses, refusals, revocations }: Chances): Promise<Outcome> {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(seed);
  let isCalm = false;
  const chance = (percent: number) => (): boolean => !isCalm && entropy.below(100) < percent;
  const server = new ModelSessionServer(clock, {
    loss: chance(losses),
    refusal: chance(refusals),
    revocation: chance(revocations),
  });
  const network = new MemoryNetwork(clock, server.accept);
  network.isCut = chance(cuts);
  const client = connect('http://broker.example', {
    protocol: 'json',
    WebSocket: network.WebSocket,
    environment: network.environment(() => entropy.below(1_000) / 1_000),
    batching: { messagesMax: 5 },
    flowControl: { messagesMax: 20 },
    publishRetryMs: 3_600_000,
  });
  const received = new Set<string>();
  const settled = new Map<string, SettleResult>();
  const acknowledge = async (message: Message): Promise<void> => {
    // Some take longer than a lease.
    if (entropy.below(4) === 0) {
      await new Promise<void>((resolve) => {
        clock.schedule(clock.monotonicMs() + entropy.below(30_000), resolve);
      });
    }
    const result = await message.ack();
    if (settled.get(message.id) !== 'done') settled.set(message.id, result);
  };
  const reading = (async () => {
    for await (const message of client.subscribe('projects/p/subscriptions/s')) {
      received.add(message.id);
      void acknowledge(message);
    }
  })();
  const calls: Promise<{ text: string; key: string; id: string }>[] = [];
  for (let number = 0; number < messageCount; number++) {
    const key = keys[entropy.below(keys.length)] ?? '';
    const text = String(number);
    calls.push(
      client.publish(topic, { data: text, orderingKey: key }).then((id) => ({ text, key, id })),
    );
    if (entropy.below(3) === 0) await clock.advance(entropy.below(50));
  }
  // Pings keep frames flowing, and with them misfortune, until there is no more of it.
  await clock.advance(120_000);
  isCalm = true;
  for (let round = 0; round < 100 && server.acknowledged.size < server.log.length; round++) {
    await clock.advance(20_000);
  }
  await clock.advance(60_000);
  const done = Promise.all(calls);
  const closed = client.close();
  await clock.advance(20_000);
  await Promise.all([closed, reading]);
  return {
    server,
    calls: await done,
    received,
    settled,
    pendingCount: clock.pendingCount,
    connectionCount: network.attemptsMs.length,
  };
}

const percent = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const seed = fc.integer({ min: 1, max: 2 ** 31 });

/** Texts of the log's messages with this key, each at its first place. */
function firstTexts({ server }: Outcome, key: string): string[] {
  const texts = server.log.filter(({ orderingKey }) => orderingKey === key);
  return [...new Set(texts.map(({ data }) => data))];
}

function check(outcome: Outcome): void {
  const { server, calls, received, settled, pendingCount } = outcome;
  const byId = new Map(server.log.map((message) => [message.id, message]));
  for (const { text, key, id } of calls) {
    expect(byId.get(id)).toMatchObject({ data: text, orderingKey: key });
  }
  for (const key of ['a', 'b']) {
    const wanted = calls.filter((call) => call.key === key).map(({ text }) => text);
    expect(firstTexts(outcome, key)).toEqual(wanted);
  }
  expect([...received].toSorted()).toEqual([...byId.keys()].toSorted());
  expect(server.acknowledged.size).toBe(server.log.length);
  for (const id of byId.keys()) expect(['done', 'expired']).toContain(settled.get(id));
  expect(pendingCount).toBe(0);
}

test('whatever breaks, all is published, in order by key, delivered and acknowledged', async () => {
  const chances = fc.record({
    seed,
    cuts: percent(15),
    losses: percent(50),
    refusals: percent(30),
    revocations: percent(30),
  });
  let connectionCount = 0;
  await fc.assert(
    fc.asyncProperty(chances, async (each) => {
      const outcome = await run(each);
      check(outcome);
      connectionCount += outcome.connectionCount;
    }),
    { numRuns: 25 },
  );
  // Else nothing broke, and this would prove nothing.
  expect(connectionCount).toBeGreaterThan(50);
});

test('as long as its session lives, nothing is published twice', async () => {
  const chances = fc.record({ seed, cuts: percent(15), revocations: percent(30) });
  await fc.assert(
    fc.asyncProperty(chances, async (each) => {
      const outcome = await run({ ...each, losses: 0, refusals: 0 });
      check(outcome);
      expect(outcome.server.log).toHaveLength(messageCount);
    }),
    { numRuns: 15 },
  );
});
