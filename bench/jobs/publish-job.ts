import { closedLoop, type LoopResult } from '../closed-loop.ts';
import { GrpcChannel } from '../grpc-channel.ts';
import {
  publishedCount,
  publishFrame,
  type MessageTraits,
  type PublishFrame,
} from '../protobuf.ts';
import type { DrainJob, JobResult, PublishJob } from './job.ts';
import { payloads } from './payloads.ts';

export const publishPath = '/google.pubsub.v1.Publisher/Publish';

/** Different bytes in consecutive requests, so that nothing profits from repetition; at least. */
const variantsMin = 16;

export async function runPublish(job: PublishJob): Promise<JobResult> {
  const channels = await Promise.all(
    Array.from({ length: job.connections }, () => GrpcChannel.open(job.address)),
  );
  const variantCount = Math.max(variantsMin, job.topics.length);
  const frames = Array.from({ length: variantCount }, (_, n) =>
    publishFrame(
      job.topics[n % job.topics.length]!,
      payloads(job.messagesPerRequest, job.messageBytes),
      traitsOf(job, n),
    ),
  );
  let n = 0;
  const result = await closedLoop(job, (done) => {
    const turn = n++;
    const channel = channels[turn % channels.length]!;
    const { frame } = frames[turn % variantCount]!;
    channel.unary(publishPath, frame, (error, reply) => {
      done(error ?? (job.isEcho ? null : shortReply(reply, job.messagesPerRequest)));
    });
  });
  for (const channel of channels) channel.close();
  return inMessages(result, job.messagesPerRequest);
}

function traitsOf(
  job: Pick<PublishJob, 'hasOrderingKeys' | 'hasAttribute'>,
  n: number,
): MessageTraits {
  return {
    ...(job.hasOrderingKeys === true ? { orderingKey: `key-${String(n)}` } : {}),
    ...(job.hasAttribute === true ? { attribute: ['kind', 'wanted'] } : {}),
  };
}

function shortReply(reply: Buffer, expected: number): Error | null {
  const count = publishedCount(reply);
  return count === expected ? null : new Error(`${String(count)} ids for ${String(expected)}`);
}

export function inMessages(result: LoopResult, messagesPerRequest: number): JobResult {
  const { completedCount, perSecond, ...rest } = result;
  return {
    ...rest,
    perSecond: perSecond * messagesPerRequest,
    messageCount: completedCount * messagesPerRequest,
  };
}

const batchCount = 100;

/** Publishes messages whose data begins with their ordinals 0 .. messageCount - 1. */
export async function preload(
  channel: GrpcChannel,
  job: Pick<
    DrainJob,
    'topic' | 'messageCount' | 'messageBytes' | 'orderingKeyCount' | 'hasAttribute'
  >,
): Promise<void> {
  const { orderingKeyCount: keys = 0, hasAttribute = false } = job;
  // Enough templates that every key has one of its own.
  const free: PublishFrame[] = Array.from({ length: Math.max(8, keys) }, (_, n) =>
    publishFrame(job.topic, payloads(batchCount, job.messageBytes), {
      ...(keys > 0 ? { orderingKey: `key-${String(n)}` } : {}),
      ...(hasAttribute ? { attribute: ['kind', 'wanted'] } : {}),
    }),
  );
  const requests = Math.ceil(job.messageCount / batchCount);
  let ordinal = 0;
  const result = await closedLoop(
    { inFlight: 8, warmupSeconds: 0, seconds: 600, requestsMax: requests },
    (done) => {
      const template = free.shift()!;
      for (const offset of template.dataOffsets) template.frame.writeUInt32BE(ordinal++, offset);
      channel.unary(publishPath, template.frame, (error) => {
        free.push(template);
        done(error);
      });
    },
  );
  if (result.completedCount !== requests) {
    throw new Error(`preload: ${result.failure ?? 'not all requests completed'}`);
  }
}
