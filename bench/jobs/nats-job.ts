import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { SystemClock } from '../../src/runtime/index.ts';
import { closedLoop } from '../closed-loop.ts';
import type { JobResult, NatsDrainJob, NatsPublishJob } from './job.ts';
import { payloads } from './payloads.ts';
import { inMessages } from './publish-job.ts';

const clock = new SystemClock();
const stream = 'BENCH';
const consumer = 'drain';
const lineEnd = Buffer.from('\r\n');

/** Called with the subject, the reply subject and the payload (a view) of each MSG. */
type Take = (subject: string, reply: string, payload: Buffer) => void;

/** As much of the NATS client protocol as JetStream needs. */
class NatsConnection {
  readonly #socket: Socket;
  readonly #takers = new Map<string, Take>();
  #pending: Buffer = Buffer.alloc(0);
  #requestCount = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n');
  }

  static async open(port: number): Promise<NatsConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new NatsConnection(socket);
  }

  subscribe(subject: string, take: Take): void {
    const id = String(this.#takers.size + 1);
    this.#takers.set(id, take);
    this.#socket.write(`SUB ${subject} ${id}\r\n`);
  }

  publish(subject: string, reply: string, payload: Uint8Array): void {
    this.#socket.cork();
    const target = reply === '' ? subject : `${subject} ${reply}`;
    this.#socket.write(`PUB ${target} ${String(payload.length)}\r\n`);
    this.#socket.write(payload);
    this.#socket.write(lineEnd);
    process.nextTick(() => this.#socket.uncork());
  }

  /** One call of JetStream's own interface. */
  request(subject: string, body: object): Promise<{ readonly error?: { description: string } }> {
    return new Promise((resolve) => {
      const inbox = `_INBOX.request.${String(++this.#requestCount)}`;
      this.subscribe(inbox, (_subject, _reply, payload) => resolve(JSON.parse(String(payload))));
      this.publish(subject, inbox, Buffer.from(JSON.stringify(body)));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(lineEnd, at);
      if (end < 0) break;
      const next = this.#line(bytes, bytes.toString('latin1', at, end), end + 2);
      if (next < 0) break;
      at = next;
    }
    this.#pending = bytes.subarray(at);
  }

  /** Where the next line begins; -1 while the payload is not all there. */
  #line(bytes: Buffer, line: string, after: number): number {
    const words = line.split(' ');
    if (words[0] === 'PING') this.#socket.write('PONG\r\n');
    if (words[0] === '-ERR') throw new Error(`NATS: ${line}`);
    if (words[0] !== 'MSG' && words[0] !== 'HMSG') return after;
    const end = after + Number(words.at(-1));
    if (bytes.length < end + 2) return -1;
    // HMSG carries a status of the pull request (expired, say), never one of our messages.
    const reply = words.length === 5 ? words[3]! : '';
    if (words[0] === 'MSG') {
      this.#takers.get(words[2]!)!(words[1]!, reply, bytes.subarray(after, end));
    }
    return end + 2;
  }
}

async function createStream(connection: NatsConnection): Promise<void> {
  await connection.request(`$JS.API.STREAM.DELETE.${stream}`, {});
  const created = await connection.request(`$JS.API.STREAM.CREATE.${stream}`, {
    name: stream,
    subjects: ['bench.>'],
    storage: 'file',
    retention: 'limits',
    num_replicas: 1,
  });
  if (created.error) throw new Error(`NATS: ${created.error.description}`);
}

/** Publishes one message a request and awaits each PubAck, through replies on one inbox. */
function publishRequests(
  connection: NatsConnection,
  messageBytes: number,
): (done: (error: Error | null) => void) => void {
  const bodies = payloads(16, messageBytes);
  const waiting = new Map<string, (error: Error | null) => void>();
  connection.subscribe('_INBOX.publish.*', (subject, _reply, payload) => {
    const done = waiting.get(subject)!;
    waiting.delete(subject);
    done(payload.includes('"error"') ? new Error(`NATS: ${String(payload)}`) : null);
  });
  let n = 0;
  return (done) => {
    const inbox = `_INBOX.publish.${String(++n)}`;
    waiting.set(inbox, done);
    connection.publish('bench.messages', inbox, bodies[n % bodies.length]!);
  };
}

export async function runNatsPublish(job: NatsPublishJob): Promise<JobResult> {
  const connection = await NatsConnection.open(job.port);
  await createStream(connection);
  const result = await closedLoop(job, publishRequests(connection, job.messageBytes));
  connection.close();
  return inMessages(result, 1);
}

const pullCount = 2000;

export async function runNatsDrain(job: NatsDrainJob): Promise<JobResult> {
  const connection = await NatsConnection.open(job.port);
  await createStream(connection);
  await closedLoop(
    { inFlight: 256, warmupSeconds: 0, seconds: 600, requestsMax: job.messageCount },
    publishRequests(connection, job.messageBytes),
  );
  await connection.request(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${consumer}`, {
    stream_name: stream,
    config: {
      durable_name: consumer,
      ack_policy: 'explicit',
      deliver_policy: 'all',
      replay_policy: 'instant',
      ack_wait: 60_000_000_000,
      max_ack_pending: 10_000,
    },
  });
  const startMs = clock.monotonicMs();
  await pullAll(connection, job.messageCount);
  const spanMs = clock.monotonicMs() - startMs;
  connection.close();
  return {
    perSecond: (job.messageCount / spanMs) * 1000,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    messageCount: job.messageCount,
    failedCount: 0,
  };
}

/** Two pull requests ahead; resolves when the server confirmed the last message's ack. */
async function pullAll(connection: NatsConnection, messageCount: number): Promise<void> {
  const ack = Buffer.from('+ACK');
  const finished = Promise.withResolvers<void>();
  const pull = (): void => {
    const body = Buffer.from(JSON.stringify({ batch: pullCount, expires: 30_000_000_000 }));
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, '_INBOX.pulled', body);
  };
  let received = 0;
  connection.subscribe('_INBOX.confirmed', () => finished.resolve());
  connection.subscribe('_INBOX.pulled', (_subject, reply) => {
    received++;
    connection.publish(reply, received === messageCount ? '_INBOX.confirmed' : '', ack);
    if (received % pullCount === 0) pull();
  });
  pull();
  pull();
  await finished.promise;
}
