import type { Bed } from '../bed.ts';
import { load } from '../load.ts';
import { rateSample, type Row, type Subject } from '../measurement.ts';
import { peerPublish, secondsMax } from './publish.ts';
import { createResources } from './resources.ts';

type WireName = 'proto' | 'json';

interface Shape {
  readonly wire: WireName;
  readonly messagesPerRequest: number;
  readonly inFlight: number;
  readonly connections: number;
}

const one = { messagesPerRequest: 1, inFlight: 64, connections: 1 };
const batch = { messagesPerRequest: 100, inFlight: 12, connections: 1 };

/** One message a frame, 64 requests in flight, on one connection and spread over many. */
export async function webSocketOne(bed: Bed): Promise<Row[]> {
  const many = { ...one, wire: 'proto', connections: bed.options.connections } as const;
  const subjects = [
    publishSubject(bed, { ...one, wire: 'proto' }),
    publishSubject(bed, { ...one, wire: 'json' }),
    publishSubject(bed, many, `sealpost proto, ${String(many.connections)} connections`),
  ];
  if (!bed.options.isSmoke) {
    subjects.push(
      echoSubject(bed, { ...one, wire: 'proto' }),
      peerSubject(bed, 'nats'),
      peerSubject(bed, 'redis'),
    );
  }
  return bed.interleave('websocket-one', subjects);
}

/** A hundred messages a frame. */
export async function webSocketBatch(bed: Bed): Promise<Row[]> {
  const subjects = [
    publishSubject(bed, { ...batch, wire: 'proto' }),
    publishSubject(bed, { ...batch, wire: 'json' }),
  ];
  if (!bed.options.isSmoke) subjects.push(echoSubject(bed, { ...batch, wire: 'proto' }));
  return bed.interleave('websocket-batch', subjects);
}

const drainSecondsMax = 30;

/** Waiting messages through one stream, until the last one's ack was answered. */
export async function webSocketDrain(bed: Bed): Promise<Row[]> {
  const subject = (wire: WireName): Subject => ({
    name: `sealpost ${wire}`,
    unit: 'messages/s',
    measure: async () => {
      const { address } = await bed.server('sealpost');
      const { topic, subscription, remove } = await createResources(
        address,
        bed.freshName('websocket-drain'),
      );
      const { drainCount: messageCount, messageBytes } = bed.options;
      const waiting = { address, topic, subscription, messageCount, messageBytes };
      const result = await load(
        { kind: 'websocket-drain', wire, ...waiting, secondsMax: drainSecondsMax },
        drainSecondsMax + 120,
      );
      await remove();
      return rateSample(result);
    },
  });
  return bed.interleave('websocket-drain', [subject('proto'), subject('json')]);
}

/** One message to every connection at once, and what a connection costs while it waits for it. */
export async function webSocketFanout(bed: Bed): Promise<Row[]> {
  const { connections, fanoutCount: messageCount, messageBytes, isSmoke } = bed.options;
  const idleBytes: number[] = [];
  const subject: Subject = {
    name: `sealpost proto, ${String(connections)} connections`,
    unit: 'messages/s',
    measure: async () => {
      const { address } = await bed.server('sealpost');
      const { topic, remove } = await createResources(address, bed.freshName('fanout'));
      const warm = await createResources(address, `${topic.split('/').at(-1)!}-warm`);
      const warmupSeconds = isSmoke ? 0.1 : 2;
      const shape = { connections, messageCount, messageBytes, warmupSeconds };
      const result = await load(
        { kind: 'websocket-fanout', wire: 'proto', address, topic, ...shape },
        120,
      );
      await remove();
      await warm.remove();
      idleBytes.push(result.bytesPerConnection ?? Number.NaN);
      return rateSample(result);
    },
  };
  const rows = await bed.interleave('websocket-fanout', [subject]);
  // Later rounds use what the first one's sessions left free: the first is what a connection costs.
  const sample = { value: idleBytes[0]! };
  bed.say(`websocket-idle ${sample.value.toFixed(0)} bytes a connection`);
  const idle = { scenario: 'websocket-idle', subject: 'sealpost', unit: 'bytes' } as const;
  return [...rows, { ...idle, samples: [sample] }];
}

function publishSubject(bed: Bed, shape: Shape, name?: string): Subject {
  return {
    name: name ?? `sealpost ${shape.wire}`,
    unit: 'messages/s',
    measure: async () => {
      const { address } = await bed.server('sealpost');
      const { topic, remove } = await createResources(address, bed.freshName('websocket'));
      const result = await load(
        { kind: 'websocket-publish', address, topics: [topic], ...shape, ...times(bed) },
        secondsMax(bed),
      );
      await remove();
      return rateSample(result);
    },
  };
}

function echoSubject(bed: Bed, shape: Shape): Subject {
  return {
    name: 'echo',
    unit: 'messages/s',
    measure: async () => {
      const { webSocketAddress: address } = await bed.echo();
      const topics = ['projects/bench/topics/websocket-echo'];
      return rateSample(
        await load(
          { kind: 'websocket-echo', address, topics, ...shape, ...times(bed) },
          secondsMax(bed),
        ),
      );
    },
  };
}

function peerSubject(bed: Bed, name: 'nats' | 'redis'): Subject {
  return {
    name,
    unit: 'messages/s',
    measure: async () => rateSample(await peerPublish(bed, name, one.inFlight)),
  };
}

function times(bed: Bed): { seconds: number; warmupSeconds: number; messageBytes: number } {
  const { seconds, warmupSeconds, messageBytes } = bed.options;
  return { seconds, warmupSeconds, messageBytes };
}
