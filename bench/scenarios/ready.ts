import { join } from 'node:path';
import { SystemClock } from '../../src/runtime/index.ts';
import { profileFlags, type Bed } from '../bed.ts';
import { load } from '../load.ts';
import type { Row, Sample } from '../measurement.ts';
import { startSealpost } from '../servers/sealpost.ts';
import { call } from './resources.ts';

const clock = new SystemClock();
const topicCount = 10;
const messageBytes = 64;

/** From the start of the process to the line that says ready, with a full house behind it. */
export async function ready(bed: Bed): Promise<Row[]> {
  const directory = join(bed.directory, 'ready');
  await fill(bed, directory);
  return bed.interleave('ready', [
    { name: 'sealpost', unit: 's', measure: () => startOnce(bed, directory) },
  ]);
}

async function startOnce(bed: Bed, directory: string): Promise<Sample> {
  const startMs = clock.monotonicMs();
  const server = await startSealpost({ directory, nodeFlags: profileFlags(bed.options) });
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  await server.stop();
  return { value: seconds };
}

async function fill(bed: Bed, directory: string): Promise<void> {
  const { readyMessages, readySubscriptions } = bed.options;
  bed.say(
    `ready         fills ${String(readyMessages)} messages, ${String(readySubscriptions)} subscriptions`,
  );
  const server = await startSealpost({ directory });
  const topics = Array.from(
    { length: topicCount },
    (_, n) => `projects/bench/topics/ready-${String(n)}`,
  );
  for (const topic of topics) await call(server.address, 'PUT', topic, {});
  for (let n = 0; n < readySubscriptions; n++) {
    const topic = topics[n % topicCount]!;
    await call(server.address, 'PUT', `projects/bench/subscriptions/ready-${String(n)}`, { topic });
  }
  const requests = Math.ceil(readyMessages / 1000);
  const result = await load(
    {
      kind: 'publish',
      address: server.address,
      topics,
      messagesPerRequest: 1000,
      messageBytes,
      connections: 1,
      isEcho: false,
      inFlight: 8,
      warmupSeconds: 0,
      seconds: 3600,
      requestsMax: requests,
    },
    3600,
  );
  await server.stop();
  if (result.failedCount > 0) throw new Error(`ready: ${result.failure ?? 'publish failed'}`);
}
