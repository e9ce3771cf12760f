import type { Broker, BrokerService, Delivery } from '../../../src/broker/index.ts';
import { segmentKinds, type Append, type MemoryStore } from '../../../src/storage/index.ts';

/** A bug on purpose, between the broker and what surrounds it. */
export interface Canary {
  readonly name: string;
  /** The broker as clients meet it. */
  readonly breakBroker?: (broker: Broker) => BrokerService;
  /** The disk as the broker meets it. */
  readonly breakDisk?: (disk: MemoryStore) => MemoryStore;
}

type Calls = { [Name in keyof BrokerService]?: BrokerService[Name] };

/** The broker with some of its calls replaced. */
function withCalls(broker: Broker, calls: Calls): BrokerService {
  return new Proxy<BrokerService>(broker, {
    get: (target, name) => {
      const value: unknown = Reflect.get(calls, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Every third of them, counted over all restarts. */
function everyThird(): () => boolean {
  let count = 0;
  return () => ++count % 3 === 0;
}

/** A disk that says `ok` to segments of one kind, and drops every third. */
function losing(kind: number): (disk: MemoryStore) => MemoryStore {
  const isLost = everyThird();
  return (disk) => {
    const commit = disk.commit.bind(disk);
    disk.commit = async (ops) => {
      const kept = ops.filter((op: Append) => op.kind !== kind || !isLost());
      const outcomes = await commit(kept);
      return ops.map((op) => {
        const at = kept.indexOf(op);
        return at < 0 ? 'ok' : outcomes[at]!;
      });
    };
    return disk;
  };
}

const forgottenAck = (): Canary => {
  const isForgotten = everyThird();
  return {
    name: 'an ack is answered and forgotten',
    breakBroker: (broker) =>
      withCalls(broker, {
        acknowledge: async (name, ackIds) =>
          await broker.acknowledge(name, isForgotten() ? [] : ackIds),
      }),
  };
};

const swappedOrder = (): Canary => ({
  name: 'the first two of a batch change places',
  breakBroker: (broker) =>
    withCalls(broker, {
      pull: async (name, request, take) =>
        await broker.pull(name, request, (batch) => take(swapped(batch))),
    }),
});

const swapped = ([first, second, ...rest]: readonly Delivery[]): Delivery[] =>
  first === undefined || second === undefined ? (first ? [first] : []) : [second, first, ...rest];

const invertedFilter = (): Canary => ({
  name: 'a filter lets through what it should keep away',
  breakBroker: (broker) =>
    withCalls(broker, {
      createSubscription: async (subscription) => {
        const { filter } = subscription;
        if (filter === undefined) return await broker.createSubscription(subscription);
        return await broker.createSubscription({ ...subscription, filter: `NOT (${filter})` });
      },
    }),
});

const hastyRetry = (): Canary => ({
  name: 'a retry policy is stored and not kept',
  breakBroker: (broker) =>
    withCalls(broker, {
      createSubscription: async (subscription) => {
        const { retryPolicy, ...rest } = subscription;
        return { ...(await broker.createSubscription(rest)), ...(retryPolicy && { retryPolicy }) };
      },
    }),
});

const secretNack = (): Canary => ({
  name: 'an extension gives the message back',
  breakBroker: (broker) =>
    withCalls(broker, {
      modifyAckDeadline: async (name, ackIds) => await broker.modifyAckDeadline(name, ackIds, 0),
    }),
});

const idleSeek = (): Canary => ({
  name: 'a seek is answered and does nothing',
  breakBroker: (broker) => withCalls(broker, { seek: async () => undefined }),
});

const talkativeAck = (): Canary => ({
  name: 'exactly once, every ack is said to have succeeded',
  breakBroker: (broker) =>
    withCalls(broker, {
      acknowledgeEach: async (name, ackIds) => {
        const results = await broker.acknowledgeEach(name, ackIds);
        return results.map(() => 'done');
      },
    }),
});

/** Each with state of its own, so that a seed behaves the same each time. */
export const canaries: readonly (() => Canary)[] = [
  forgottenAck,
  swappedOrder,
  invertedFilter,
  hastyRetry,
  secretNack,
  idleSeek,
  talkativeAck,
  () => ({
    name: 'the disk loses acks which it said it has',
    breakDisk: losing(segmentKinds.ackDelta),
  }),
  () => ({
    name: 'the disk loses leases which it said it has',
    breakDisk: losing(segmentKinds.ackLeases),
  }),
];
