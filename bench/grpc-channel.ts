import type { IncomingHttpHeaders } from 'node:http';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

/** A call that ended with another status than OK, or without one. */
export class CallError extends Error {
  override name = 'CallError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** Cuts a byte stream into gRPC messages; a body is a view into what arrived where it can be. */
export class FrameReader {
  #pending: Buffer[] = [];
  #length = 0;
  readonly #take: (body: Buffer) => void;

  constructor(take: (body: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#length += chunk.length;
    if (this.#length < 5) return;
    if (this.#pending[0]!.length < 5) this.#join();
    let bytes = this.#pending[0]!;
    if (this.#length < 5 + bytes.readUInt32BE(1)) return;
    bytes = this.#join();
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#take(bytes.subarray(at + 5, end));
      at = end;
    }
    this.#pending = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#length = bytes.length - at;
  }

  #join(): Buffer {
    if (this.#pending.length > 1) this.#pending = [Buffer.concat(this.#pending, this.#length)];
    return this.#pending[0]!;
  }
}

/** A bidirectional stream of framed messages. */
export interface GrpcStream {
  write(frame: Buffer): void;
  /** Resolves with the status when the server ends it, or after `close`. */
  readonly ended: Promise<string>;
  close(): void;
}

const windowBytes = 16 * 1024 * 1024;

/** One HTTP/2 connection that carries gRPC calls without any of a gRPC library's cost. */
export class GrpcChannel {
  readonly #session: ClientHttp2Session;
  readonly #authority: string;

  private constructor(session: ClientHttp2Session, authority: string) {
    this.#session = session;
    this.#authority = authority;
  }

  static async open(address: string): Promise<GrpcChannel> {
    const session = connect(`http://${address}`, {
      settings: { initialWindowSize: windowBytes, enablePush: false },
      maxSessionMemory: 1000,
    });
    await new Promise<void>((resolve, reject) => {
      session.once('error', reject);
      session.once('remoteSettings', () => resolve());
    });
    session.setLocalWindowSize(windowBytes);
    session.removeAllListeners('error');
    // A broken connection shows as failed calls; the event itself must only not crash the client.
    session.on('error', () => undefined);
    return new GrpcChannel(session, address);
  }

  /** Sends one framed request; `done` gets the reply's body, or the error. */
  unary(path: string, frame: Buffer, done: (error: Error | null, reply: Buffer) => void): void {
    const stream = this.#request(path);
    const chunks: Buffer[] = [];
    const status = statusOf(stream);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('close', () => {
      const reply = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      if (status.code === '0') done(null, reply.subarray(5));
      else done(new CallError(status.code, status.message), reply);
    });
    stream.end(frame);
  }

  call(path: string, frame: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.unary(path, frame, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  stream(path: string, take: (body: Buffer) => void): GrpcStream {
    const stream = this.#request(path);
    const frames = new FrameReader(take);
    const status = statusOf(stream);
    stream.on('data', (chunk: Buffer) => frames.push(chunk));
    // The server has had its last word: without ours the stream would stay half open.
    stream.once('end', () => stream.end());
    const ended = new Promise<string>((resolve) => {
      stream.once('close', () => resolve(`${status.code}: ${status.message}`));
    });
    return {
      write: (frame) => void stream.write(frame),
      ended,
      close: () => stream.close(constants.NGHTTP2_CANCEL),
    };
  }

  close(): void {
    this.#session.destroy();
  }

  #request(path: string): ClientHttp2Stream {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      ':scheme': 'http',
      ':authority': this.#authority,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    return stream;
  }
}

interface CallStatus {
  code: string;
  message: string;
}

/** Filled in from the trailers, or from the headers of a reply that has no body. */
function statusOf(stream: ClientHttp2Stream): CallStatus {
  const status: CallStatus = { code: 'none', message: 'the stream closed without a status' };
  const read = (headers: IncomingHttpHeaders): void => {
    const code = headers['grpc-status'];
    if (typeof code !== 'string') return;
    const message = headers['grpc-message'];
    status.code = code;
    status.message = typeof message === 'string' ? decodeURIComponent(message) : '';
  };
  stream.once('response', read);
  stream.once('trailers', read);
  return status;
}
