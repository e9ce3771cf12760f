import { closedLoop } from '../closed-loop.ts';
import { WebSocketConnection } from '../websocket/connection.ts';
import { Session } from '../websocket/session.ts';
import { firstId, keyDigits, wires, type PublishTemplate } from '../websocket/wire.ts';
import type { JobResult, WebSocketPublishJob } from './job.ts';
import { payloads } from './payloads.ts';
import { inMessages } from './publish-job.ts';

/** Publishes over one or many sessions, round robin; each request is answered by its ids. */
export async function runWebSocketPublish(job: WebSocketPublishJob): Promise<JobResult> {
  const wire = wires[job.wire];
  const sessions: Session[] = [];
  for (let n = 0; n < job.connections; n++) sessions.push(await Session.open(job.address, wire));
  const free = templates(job);
  let turn = 0;
  const result = await closedLoop(job, (done) => {
    const session = sessions[turn++ % sessions.length]!;
    const template = free.pop()!;
    const id = session.nextId();
    template.stamp(id);
    if (job.firstKey !== undefined) template.stampKey(job.firstKey + turn);
    session.request(id, template.frame, ({ kind, count, text }) => {
      free.push(template);
      const isWhole = kind === 'published' && count === job.messagesPerRequest;
      done(isWhole ? null : new Error(`${kind} of ${String(count)}: ${text}`));
    });
  });
  for (const session of sessions) session.close();
  return inMessages(result, job.messagesPerRequest);
}

/** One for each request in flight: a frame is stamped again only after its answer. */
function templates(job: WebSocketPublishJob): PublishTemplate[] {
  const { inFlight, messagesPerRequest, messageBytes } = job;
  return Array.from({ length: inFlight }, (_, n) =>
    wires[job.wire].publish(
      job.topics[n % job.topics.length]!,
      payloads(messagesPerRequest, messageBytes),
      job.firstKey === undefined ? undefined : '0'.repeat(keyDigits),
    ),
  );
}

/** The same frames to a server that sends each one back. */
export async function runWebSocketEcho(job: WebSocketPublishJob): Promise<JobResult> {
  const connection = await WebSocketConnection.open(job.address, '/', '');
  const free = templates(job);
  const waiting: (() => void)[] = [];
  connection.onPayload = () => waiting.shift()!();
  const result = await closedLoop(job, (done) => {
    const template = free.pop()!;
    template.stamp(firstId + waiting.length);
    waiting.push(() => {
      free.push(template);
      done(null);
    });
    connection.send(template.frame);
  });
  connection.close();
  return inMessages(result, job.messagesPerRequest);
}
