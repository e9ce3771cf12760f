import { PubSub, type Message } from '@google-cloud/pubsub';
import { join } from 'node:path';

import { SystemClock } from '../../src/runtime/index.ts';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';

/** What became of a subscriber that was left open. */
export interface SteadyLife {
  readonly published: number;
  /** Distinct messages that came. */
  readonly received: number;
  /** Ids that came more than once. */
  readonly repeated: readonly string[];
  /** Messages that were held over several deadlines before they were acknowledged. */
  readonly held: number;
  /** What the client said of streams that ended before it closed them. */
  readonly streamEnds: readonly string[];
  readonly errors: readonly string[];
  /** Waiting when the subscriber was closed. */
  readonly left: number;
}

/** Four and a half deadlines of the subscription, so that the client must extend the lease. */
const holdMs = 45_000;
const heldEach = 30;

/**
 * Leaves the official client's subscriber open for a while: five streams, a message each second,
 * each thirtieth of them held for 45 s under a deadline of 10 s.
 */
export async function steadyLife(lifeMs: number): Promise<SteadyLife> {
  const clock = new SystemClock();
  const folder = temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const server = new SealpostProcess(['serve', '--data-dir', dataDir, '--port', '0']);
  const { host } = new URL(await server.url());
  process.env['PUBSUB_EMULATOR_HOST'] = host;
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  const pubsub = new PubSub({ projectId: 'steady' });
  const later = (ms: number): Promise<void> =>
    new Promise((resolve) => clock.schedule(clock.monotonicMs() + ms, resolve));

  const [topic] = await pubsub.createTopic('steady');
  const [subscription] = await topic.createSubscription('steady', { ackDeadlineSeconds: 10 });
  const deliveries = new Map<string, number>();
  const streamEnds: string[] = [];
  const errors: string[] = [];
  const holding = new Set<Promise<void>>();
  subscription.on('debug', ({ message }: { message: string }) => streamEnds.push(message));
  subscription.on('error', ({ message }: Error) => errors.push(message));
  subscription.on('message', (message: Message) => {
    deliveries.set(message.id, (deliveries.get(message.id) ?? 0) + 1);
    if (message.attributes['hold'] === undefined) return message.ack();
    holding.add(later(holdMs).then(() => message.ack()));
  });

  const ids = new Set<string>();
  const end = clock.monotonicMs() + lifeMs - holdMs;
  for (let count = 0; clock.monotonicMs() < end; count++) {
    const attributes = count % heldEach === 0 ? { hold: 'yes' } : {};
    ids.add(await topic.publishMessage({ data: Buffer.from(String(count)), attributes }));
    await later(1_000);
  }
  await later(holdMs);
  await Promise.all(holding);
  await subscription.close();
  const left = await waiting(host, subscription.name);
  await pubsub.close();
  await server.stop();
  folder.remove();
  const repeated = [...deliveries].flatMap(([id, times]) => (times > 1 ? [id] : []));
  const received = [...ids].filter((id) => deliveries.has(id)).length;
  const held = holding.size;
  return { published: ids.size, received, repeated, held, streamEnds, errors, left };
}

async function waiting(host: string, subscription: string): Promise<number> {
  const answer = await fetch(`http://${host}/v1/${subscription}:pull`, {
    method: 'POST',
    body: JSON.stringify({ maxMessages: 1000, returnImmediately: true }),
  });
  const { receivedMessages = [] } = (await answer.json()) as { receivedMessages?: unknown[] };
  return receivedMessages.length;
}
