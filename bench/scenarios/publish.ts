import type { Bed } from '../bed.ts';
import type { JobResult } from '../jobs/job.ts';
import { load } from '../load.ts';
import { rateSample, type Row, type Subject } from '../measurement.ts';
import { createResources } from './resources.ts';

interface Shape {
  readonly messagesPerRequest: number;
  readonly grpcInFlight: number;
  readonly httpInFlight: number;
}

const one: Shape = { messagesPerRequest: 1, grpcInFlight: 64, httpInFlight: 64 };
const batch: Shape = { messagesPerRequest: 100, grpcInFlight: 12, httpInFlight: 8 };

/** One message a request, 64 requests in flight. */
export async function publishOne(bed: Bed): Promise<Row[]> {
  const subjects = [...grpcSubjects(bed, one), ...httpSubjects(bed, one)];
  if (!bed.options.isSmoke) subjects.push(natsSubject(bed), redisSubject(bed));
  return bed.interleave('publish-one', subjects);
}

/** A hundred messages a request. */
export async function publishBatch(bed: Bed): Promise<Row[]> {
  return bed.interleave('publish-batch', [
    ...grpcSubjects(bed, batch),
    ...httpSubjects(bed, batch),
  ]);
}

/** The longest that one measurement may take, all told. */
export function secondsMax(bed: Bed): number {
  return bed.options.seconds + bed.options.warmupSeconds + 30;
}

/** Closed-loop publishing over gRPC to Sealpost, the emulator or the echo. */
export async function grpcPublish(
  bed: Bed,
  name: 'sealpost' | 'emulator' | 'echo',
  inFlight: number,
  messagesPerRequest: number,
): Promise<JobResult> {
  const { address } = await bed.server(name);
  const { seconds, warmupSeconds, messageBytes } = bed.options;
  const id = bed.freshName('publish');
  const resources = name === 'echo' ? null : await createResources(address, id);
  const result = await load(
    {
      kind: 'publish',
      address,
      topics: [resources?.topic ?? `projects/bench/topics/${id}`],
      messagesPerRequest,
      messageBytes,
      connections: 1,
      isEcho: name === 'echo',
      inFlight,
      warmupSeconds,
      seconds,
    },
    secondsMax(bed),
  );
  await resources?.remove();
  return result;
}

function grpcSubjects(bed: Bed, shape: Shape): Subject[] {
  const names = bed.options.isSmoke
    ? (['sealpost'] as const)
    : (['sealpost', 'echo', 'emulator'] as const);
  return names.map((name) => ({
    name: `${name} gRPC`,
    unit: 'messages/s',
    measure: async () =>
      rateSample(await grpcPublish(bed, name, shape.grpcInFlight, shape.messagesPerRequest)),
  }));
}

async function httpPublish(bed: Bed, shape: Shape, url: string): Promise<JobResult> {
  const { seconds, warmupSeconds, messageBytes } = bed.options;
  const whole = { seconds: Math.max(1, seconds), warmupSeconds: Math.ceil(warmupSeconds) };
  return load(
    {
      kind: 'http',
      url,
      messagesPerRequest: shape.messagesPerRequest,
      messageBytes,
      inFlight: shape.httpInFlight,
      ...whole,
    },
    secondsMax(bed) + 10,
  );
}

async function httpToBroker(
  bed: Bed,
  name: 'sealpost' | 'emulator',
  shape: Shape,
): Promise<JobResult> {
  const { address } = await bed.server(name);
  const resources = await createResources(address, bed.freshName('rest'));
  const result = await httpPublish(bed, shape, `http://${address}/v1/${resources.topic}:publish`);
  await resources.remove();
  return result;
}

function httpSubjects(bed: Bed, shape: Shape): Subject[] {
  const broker = (name: 'sealpost' | 'emulator'): Subject => ({
    name: `${name} REST`,
    unit: 'messages/s',
    measure: async () => rateSample(await httpToBroker(bed, name, shape)),
  });
  const echo = (path: 'json' | 'raw'): Subject => ({
    name: `echo REST ${path}`,
    unit: 'messages/s',
    measure: async () => {
      const { httpAddress } = await bed.echo();
      return rateSample(await httpPublish(bed, shape, `http://${httpAddress}/${path}`));
    },
  });
  if (bed.options.isSmoke) return [broker('sealpost')];
  return [broker('sealpost'), echo('json'), echo('raw'), broker('emulator')];
}

/** One message a request to a peer with a protocol of its own. */
export async function peerPublish(
  bed: Bed,
  name: 'nats' | 'redis',
  inFlight: number,
): Promise<JobResult> {
  const { port } = await bed.server(name);
  const { seconds, warmupSeconds, messageBytes } = bed.options;
  const kind = name === 'nats' ? ('nats-publish' as const) : ('redis-publish' as const);
  return load({ kind, port, messageBytes, inFlight, warmupSeconds, seconds }, secondsMax(bed));
}

function natsSubject(bed: Bed): Subject {
  return {
    name: 'nats',
    unit: 'messages/s',
    measure: async () => rateSample(await peerPublish(bed, 'nats', one.grpcInFlight)),
  };
}

function redisSubject(bed: Bed): Subject {
  return {
    name: 'redis',
    unit: 'messages/s',
    measure: async () => rateSample(await peerPublish(bed, 'redis', one.grpcInFlight)),
  };
}
