import { SystemClock } from '../../src/runtime/index.ts';
import { Session } from '../websocket/session.ts';
import { wires } from '../websocket/wire.ts';
import type { JobResult, WebSocketFanoutJob } from './job.ts';
import { payloads } from './payloads.ts';
import { runWebSocketPublish } from './websocket-publish-job.ts';

const clock = new SystemClock();
/** Connections opened before the server's memory is looked at for the first time. */
const warmConnections = 50;

/**
 * Many sessions, each with an ephemeral subscription to one topic. What one of them costs while
 * nothing happens, and how fast a message published once reaches, and is acknowledged by, all.
 */
export async function runWebSocketFanout(job: WebSocketFanoutJob): Promise<JobResult> {
  const fanout = new Fanout(job);
  await fanout.open(warmConnections);
  await fanout.warmUp();
  const beforeBytes = await fanout.serverBytes();
  await fanout.open(job.connections - warmConnections);
  const afterBytes = await fanout.serverBytes();
  const perSecond = await fanout.deliver();
  fanout.close();
  return {
    perSecond,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    messageCount: job.connections * job.messageCount,
    failedCount: 0,
    bytesPerConnection: (afterBytes - beforeBytes) / (job.connections - warmConnections),
  };
}

class Fanout {
  readonly #job: WebSocketFanoutJob;
  readonly #sessions: Session[] = [];
  readonly #finished = Promise.withResolvers<void>();
  #ackedCount = 0;

  constructor(job: WebSocketFanoutJob) {
    this.#job = job;
  }

  async open(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const session = await Session.open(this.#job.address, wires[this.#job.wire]);
      this.#sessions.push(session);
      await this.#subscribe(session);
    }
  }

  /** Lets the server's heap grow to the size that it has under load: connections come after. */
  async warmUp(): Promise<void> {
    const { address, wire, topic, messageBytes, warmupSeconds: seconds } = this.#job;
    await runWebSocketPublish({
      kind: 'websocket-publish',
      address,
      wire,
      topics: [`${topic}-warm`],
      messagesPerRequest: 100,
      messageBytes,
      connections: 1,
      inFlight: 12,
      warmupSeconds: 0,
      seconds,
    });
  }

  /** Resident memory of the server, the least of some looks: garbage comes and goes. */
  async serverBytes(): Promise<number> {
    let least = Infinity;
    for (let look = 0; look < 5; look++) {
      const response = await fetch(`http://${this.#job.address}/metrics`);
      const text = await response.text();
      const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]);
      least = Math.min(least, bytes);
    }
    return least;
  }

  /** Publishes, a window of messages ahead of the slowest; deliveries acknowledged a second. */
  async deliver(): Promise<number> {
    const publisher = await Session.open(this.#job.address, wires[this.#job.wire]);
    const [payload] = payloads(1, this.#job.messageBytes);
    const startMs = clock.monotonicMs();
    for (let n = 0; n < this.#job.messageCount; n++) {
      const template = publisher.wire.publish(this.#job.topic, [payload!]);
      const id = publisher.nextId();
      template.stamp(id);
      await new Promise<void>((resolve) => {
        publisher.request(id, template.frame, () => resolve());
      });
    }
    await this.#finished.promise;
    const spanMs = clock.monotonicMs() - startMs;
    publisher.close();
    return (this.#ackedCount / spanMs) * 1000;
  }

  close(): void {
    for (const session of this.#sessions) session.close();
  }

  async #subscribe(session: Session): Promise<void> {
    let ackIds: Buffer[] = [];
    let stream = 0;
    session.visit = (bytes, from, to) => ackIds.push(Buffer.from(bytes.subarray(from, to)));
    session.onDeliver = () => {
      const id = session.nextId();
      const { length } = ackIds;
      const frame = session.wire.acknowledge(id, stream, ackIds);
      ackIds = [];
      session.request(id, frame, () => this.#acked(length));
    };
    stream = await session.subscribe({ topic: this.#job.topic });
  }

  #acked(count: number): void {
    this.#ackedCount += count;
    if (this.#ackedCount >= this.#job.connections * this.#job.messageCount) {
      this.#finished.resolve();
    }
  }
}
