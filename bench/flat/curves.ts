import { load } from '../load.ts';
import type { Curve, Point, Series } from './curve.ts';
import { checked, type House } from './house.ts';

/** What a run may be asked to do, and how far it goes. */
export interface Reach {
  readonly topics: readonly number[];
  readonly subscriptions: readonly number[];
  readonly waiting: readonly number[];
  readonly keys: readonly number[];
  readonly bytes: readonly number[];
  readonly repetitions: number;
}

export interface Site {
  readonly reach: Reach;
  say(line: string): void;
  /** A house of its own for what must not meet the rest of the run. */
  house(name: string): Promise<House>;
  /** Stops the server and starts one over the same data: seconds until it was ready. */
  restart(name: string): Promise<number>;
}

type Values = Record<string, number[]>;

const publishes: Series = { name: 'publish', unit: 'messages/s' };
const publishP50: Series = { name: 'publish p50', unit: 'ms' };
const drains: Series = { name: 'streaming pull + ack', unit: 'messages/s' };
const memory: Series = { name: 'own memory', unit: 'MiB' };
const ready: Series = { name: 'ready after a restart', unit: 's' };

function add(values: Values, series: Series, value: number): void {
  (values[series.name] ??= []).push(value);
}

function count(value: number): string {
  if (value >= 1e6) return `${String(value / 1e6)}M`;
  return value >= 1000 ? `${String(value / 1000)}k` : String(value);
}

async function curveOf(
  site: Site,
  curve: { name: string; axis: string; series: readonly Series[]; xs: readonly number[] },
  measure: (x: number, values: Values) => Promise<void>,
  labelOf: (x: number) => string = count,
): Promise<Curve> {
  const points: Point[] = [];
  for (const x of curve.xs) {
    const values: Values = {};
    await measure(x, values);
    points.push({ x, label: labelOf(x), values });
    const told = Object.entries(values).map(
      ([name, each]) => `${name} ${each.map((value) => value.toFixed(2)).join(' ')}`,
    );
    site.say(`${curve.name.padEnd(16)}${labelOf(x).padStart(8)}  ${told.join('; ')}`);
  }
  const { name, axis, series } = curve;
  return { name, axis, series, points };
}

/** Single publishes spread over more and more topics, a subscription each. */
export async function topicsCurve(site: Site): Promise<Curve> {
  const house = await site.house('topics');
  const all: string[] = [];
  const shape = { name: 'topics', axis: 'topics', series: [publishes, publishP50, memory] };
  return await curveOf(site, { ...shape, xs: site.reach.topics }, async (x, values) => {
    all.push(...(await house.topics(x - all.length, 1)));
    // The first message of a topic makes its DEK: that is not what is measured.
    await house.fill(all, x, 64);
    for (let n = 0; n < site.reach.repetitions; n++) {
      const result = await house.publish(all);
      add(values, publishes, result.perSecond);
      add(values, publishP50, result.p50Ms);
    }
    add(values, memory, house.memoryMiB());
  });
}

/** More and more subscriptions on one topic; one of them is drained. */
export async function subscriptionsCurve(site: Site): Promise<Curve> {
  const house = await site.house('subscriptions');
  const shape = { name: 'subscriptions', axis: 'subscriptions on the topic' };
  const series = [publishes, publishP50, drains];
  return await curveOf(
    site,
    { ...shape, series, xs: site.reach.subscriptions },
    async (x, values) => {
      for (let n = 0; n < site.reach.repetitions; n++) {
        const [topic = ''] = await house.topics(1, x);
        add(values, drains, (await house.drain(topic)).perSecond);
        const result = await house.publish([topic]);
        add(values, publishes, result.perSecond);
        add(values, publishP50, result.p50Ms);
      }
    },
  );
}

/** A longer and longer backlog: publishing behind it, taking from its beginning, starting with it. */
export async function waitingCurve(site: Site): Promise<Curve> {
  const house = await site.house('waiting');
  const [topic = ''] = await house.topics(1, 1);
  let filled = 0;
  const series = [publishes, publishP50, drains, memory, ready];
  const shape = { name: 'waiting', axis: 'messages waiting', series };
  return await curveOf(site, { ...shape, xs: site.reach.waiting }, async (x, values) => {
    if (x > filled) await house.fill([topic], x - filled, 64);
    filled = x;
    const result = await house.publish([topic]);
    filled += result.messageCount;
    add(values, publishes, result.perSecond);
    add(values, publishP50, result.p50Ms);
    add(values, memory, house.memoryMiB());
    if (x > 0) {
      const taken = Math.min(x, 100_000);
      const drained = await house.drain(topic, { count: taken, isFilled: true });
      add(values, drains, drained.perSecond);
      filled -= drained.messageCount;
    }
    add(values, ready, await site.restart('waiting'));
  });
}

/** Every message with an ordering key that no other has, then all of them taken. */
export async function keysCurve(site: Site): Promise<Curve> {
  const house = await site.house('keys');
  const series = [publishes, drains, memory];
  const shape = { name: 'ordering keys', axis: 'distinct ordering keys', series };
  return await curveOf(site, { ...shape, xs: site.reach.keys }, async (x, values) => {
    const [topic = ''] = await house.topics(1, 1, { enableMessageOrdering: true });
    const job = {
      kind: 'websocket-publish' as const,
      wire: 'proto' as const,
      address: house.server.address,
      topics: [topic],
      messagesPerRequest: 1,
      messageBytes: 64,
      connections: 4,
      inFlight: 256,
      firstKey: 0,
      warmupSeconds: 0,
      seconds: 7200,
      requestsMax: x,
    };
    add(values, publishes, checked(await load(job, 7200)).perSecond);
    const drained = await house.drain(topic, { count: x, isFilled: true, secondsMax: 1200 });
    add(values, drains, drained.perSecond);
    add(values, memory, house.memoryMiB());
  });
}

const publishedBytes: Series = { name: 'publish', unit: 'MB/s' };
const drainedBytes: Series = { name: 'streaming pull + ack', unit: 'MB/s' };

/** Larger and larger messages. */
export async function sizesCurve(site: Site): Promise<Curve> {
  const house = await site.house('sizes');
  const series = [publishedBytes, drainedBytes, memory];
  const shape = { name: 'message size', axis: 'bytes of a message', series };
  const labelOf = (x: number): string =>
    x >= 1e6
      ? `${(x / 1e6).toFixed(0)} MB`
      : x >= 1024
        ? `${String(x / 1024)} KiB`
        : `${String(x)} B`;
  return await curveOf(
    site,
    { ...shape, xs: site.reach.bytes },
    async (x, values) => {
      const perRequest = Math.min(100, Math.max(1, Math.floor(4_000_000 / x)));
      for (let n = 0; n < site.reach.repetitions; n++) {
        const [alone = '', read = ''] = await house.topics(2, 1);
        const result = await house.publishBatches(alone, x, perRequest);
        add(values, publishedBytes, (result.perSecond * x) / 1e6);
        const wanted = Math.min(100_000, Math.floor(100_000_000 / x));
        // Requests are filled whole: what is taken is what fits into them.
        const whole = Math.max(perRequest, Math.floor(wanted / perRequest) * perRequest);
        await house.fill([read], whole, x);
        const drained = await house.drain(read, { count: whole, isFilled: true });
        add(values, drainedBytes, (drained.perSecond * x) / 1e6);
      }
      add(values, memory, house.memoryMiB());
    },
    labelOf,
  );
}

const features: readonly (readonly [string, object, object, object])[] = [
  ['plain', {}, {}, {}],
  [
    'ordering',
    { enableMessageOrdering: true },
    { hasOrderingKeys: true },
    { orderingKeyCount: 64 },
  ],
  [
    'filter',
    { filter: 'attributes.kind = "wanted"' },
    { hasAttribute: true },
    { hasAttribute: true },
  ],
  ['exactly once', { enableExactlyOnceDelivery: true }, {}, {}],
  [
    'all three',
    {
      enableMessageOrdering: true,
      enableExactlyOnceDelivery: true,
      filter: 'attributes.kind = "wanted"',
    },
    { hasOrderingKeys: true, hasAttribute: true },
    { orderingKeyCount: 64, hasAttribute: true },
  ],
];

/** What order, filters and exactly-once cost; acks are unary, as the official clients send them. */
export async function featuresCurve(site: Site): Promise<Curve> {
  const house = await site.house('features');
  const series = [publishes, publishP50, drains];
  const xs = features.map((_, n) => n);
  const shape = { name: 'features', axis: 'what the subscription asks for', series, xs };
  return await curveOf(
    site,
    shape,
    async (x, values) => {
      const [, settings, ofPublish, ofDrain] = features[x]!;
      for (let n = 0; n < site.reach.repetitions; n++) {
        const [topic = ''] = await house.topics(1, 1, settings);
        add(values, drains, (await house.drain(topic, { acks: 'unary', ...ofDrain })).perSecond);
        const result = await house.publish([topic], ofPublish);
        add(values, publishes, result.perSecond);
        add(values, publishP50, result.p50Ms);
      }
    },
    (x) => features[x]![0],
  );
}
