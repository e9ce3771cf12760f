import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SystemClock } from '../../src/runtime/index.ts';
import { closedLoop } from '../closed-loop.ts';
import type { JobResult, RedisDrainJob, RedisPublishJob } from './job.ts';
import { payloads } from './payloads.ts';
import { inMessages } from './publish-job.ts';

const clock = new SystemClock();
const lineEnd = Buffer.from('\r\n');

/** A RESP2 value; bulk strings are views. */
type Reply = Buffer | string | number | null | Error | Reply[];
type Done = (reply: Reply) => void;

/** Where a value ends and what it is; null while it is not all there. */
interface Parsed {
  readonly value: Reply;
  readonly end: number;
}

function parse(bytes: Buffer, at: number): Parsed | null {
  const lineAt = bytes.indexOf(lineEnd, at);
  if (lineAt < 0) return null;
  const text = bytes.toString('latin1', at + 1, lineAt);
  const end = lineAt + 2;
  switch (bytes[at]) {
    case 43: // +
      return { value: text, end };
    case 45: // -
      return { value: new Error(`Redis: ${text}`), end };
    case 58: // :
      return { value: Number(text), end };
    case 36: // $
      return parseBulk(bytes, end, Number(text));
    case 42: // *
      return parseArray(bytes, end, Number(text));
    default:
      throw new Error(`Redis sent a value that begins with byte ${String(bytes[at])}`);
  }
}

function parseBulk(bytes: Buffer, at: number, length: number): Parsed | null {
  if (length < 0) return { value: null, end: at };
  if (bytes.length < at + length + 2) return null;
  return { value: bytes.subarray(at, at + length), end: at + length + 2 };
}

function parseArray(bytes: Buffer, at: number, count: number): Parsed | null {
  if (count < 0) return { value: null, end: at };
  const value: Reply[] = [];
  let end = at;
  for (let n = 0; n < count; n++) {
    const item = parse(bytes, end);
    if (item === null) return null;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}

/** Commands go out at once, replies come back in order. */
class RedisConnection {
  readonly #socket: Socket;
  readonly #waiting: Done[] = [];
  #pending: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  static async open(port: number): Promise<RedisConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RedisConnection(socket);
  }

  send(words: readonly (string | Buffer)[], done: Done): void {
    this.#waiting.push(done);
    const parts: Buffer[] = [Buffer.from(`*${String(words.length)}\r\n`)];
    for (const word of words) {
      const bytes = typeof word === 'string' ? Buffer.from(word) : word;
      parts.push(Buffer.from(`$${String(bytes.length)}\r\n`), bytes, lineEnd);
    }
    this.#socket.write(Buffer.concat(parts));
  }

  call(...words: string[]): Promise<Reply> {
    return new Promise((resolve) => this.send(words, resolve));
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const parsed = parse(bytes, at);
      if (parsed === null) break;
      at = parsed.end;
      this.#waiting.shift()!(parsed.value);
    }
    this.#pending = bytes.subarray(at);
  }
}

function publishRequests(
  connection: RedisConnection,
  messageBytes: number,
): (done: (error: Error | null) => void) => void {
  const bodies = payloads(16, messageBytes);
  let n = 0;
  return (done) => {
    connection.send(['XADD', 'bench', '*', 'd', bodies[n++ % bodies.length]!], (reply) => {
      done(reply instanceof Error ? reply : null);
    });
  };
}

export async function runRedisPublish(job: RedisPublishJob): Promise<JobResult> {
  const connection = await RedisConnection.open(job.port);
  await connection.call('DEL', 'bench');
  const result = await closedLoop(job, publishRequests(connection, job.messageBytes));
  connection.close();
  return inMessages(result, 1);
}

const readCount = 200;

/** Reads 200 at a time, acknowledges them while the next 200 are on their way. */
export async function runRedisDrain(job: RedisDrainJob): Promise<JobResult> {
  const connection = await RedisConnection.open(job.port);
  await connection.call('DEL', 'bench');
  await closedLoop(
    { inFlight: 256, warmupSeconds: 0, seconds: 600, requestsMax: job.messageCount },
    publishRequests(connection, job.messageBytes),
  );
  await connection.call('XGROUP', 'CREATE', 'bench', 'drain', '0');
  const startMs = clock.monotonicMs();
  await readAll(connection, job.messageCount);
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

const readCommand = ['XREADGROUP', 'GROUP', 'drain', 'bench', 'COUNT', String(readCount)];

function readAll(connection: RedisConnection, messageCount: number): Promise<void> {
  const finished = Promise.withResolvers<void>();
  let ackedCount = 0;
  const acked = (reply: Reply): void => {
    if (typeof reply === 'number') ackedCount += reply;
    if (ackedCount >= messageCount) finished.resolve();
  };
  const read = (): void => {
    connection.send([...readCommand, 'STREAMS', 'bench', '>'], (reply) => {
      if (reply instanceof Error) return finished.reject(reply);
      if (reply === null) return undefined;
      const [[, entries]] = reply as [[Buffer, [Buffer, Buffer[]][]]];
      read();
      connection.send(['XACK', 'bench', 'drain', ...entries.map(([id]) => Buffer.from(id))], acked);
      return undefined;
    });
  };
  read();
  read();
  return finished.promise;
}
