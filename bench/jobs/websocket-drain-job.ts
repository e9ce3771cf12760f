import { SystemClock } from '../../src/runtime/index.ts';
import { GrpcChannel } from '../grpc-channel.ts';
import { Session } from '../websocket/session.ts';
import { wires } from '../websocket/wire.ts';
import { drainResult } from './drain-result.ts';
import type { JobResult, WebSocketDrainJob } from './job.ts';
import { preload } from './publish-job.ts';

const clock = new SystemClock();
const ackBatchCount = 1000;

/**
 * Messages a second from opening the stream until every message was received and the last ack was
 * answered, which is after all of them are durable.
 */
export async function runWebSocketDrain(job: WebSocketDrainJob): Promise<JobResult> {
  const channel = await GrpcChannel.open(job.address);
  await preload(channel, job);
  channel.close();
  const session = await Session.open(job.address, wires[job.wire]);
  const startMs = clock.monotonicMs();
  const seenCount = await drained(session, job);
  const spanMs = clock.monotonicMs() - startMs;
  session.close();
  return drainResult(job, seenCount, spanMs);
}

async function drained(session: Session, job: WebSocketDrainJob): Promise<number> {
  const finished = Promise.withResolvers<void>();
  const seen = new Uint8Array(job.messageCount + 1000);
  let seenCount = 0;
  let stream = 0;
  let ackIds: Buffer[] = [];
  const flush = (isLast: boolean): void => {
    if (ackIds.length === 0) return;
    const id = isLast ? session.nextId() : 0;
    const frame = session.wire.acknowledge(id, stream, ackIds);
    ackIds = [];
    if (isLast) session.request(id, frame, () => finished.resolve());
    else session.send(frame);
  };
  session.visit = (bytes, from, to, ordinal) => {
    if (seen[ordinal] !== 1) seenCount++;
    seen[ordinal] = 1;
    ackIds.push(Buffer.from(bytes.subarray(from, to)));
  };
  session.onDeliver = () => {
    const isLast = seenCount >= job.messageCount;
    if (ackIds.length >= ackBatchCount || isLast) flush(isLast);
  };
  stream = await session.subscribe({ subscription: job.subscription });
  const endMs = clock.monotonicMs() + job.secondsMax * 1000;
  const cancel = clock.schedule(endMs, () => finished.resolve());
  await finished.promise;
  cancel();
  return seenCount;
}
