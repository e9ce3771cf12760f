import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';

import {
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageShape,
} from '@bufbuild/protobuf';
import {
  Client,
  credentials,
  Metadata,
  status,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';

import { RpcError } from '../rpc/index.ts';
import type { Clock } from '../runtime/index.ts';
import { errorFromStatus } from './status-details.ts';
import { TokenFile } from './token-file.ts';

export interface KmsChannelOptions {
  /** `http://HOST:PORT` or `https://HOST[:PORT]`; nothing after it. */
  readonly endpoint: string;
  /** A PEM file of authorities that are trusted beside the system's; null: none. */
  readonly caFile: string | null;
  /** A file with a bearer token, which may change; null: calls carry none. */
  readonly tokenFile: string | null;
  readonly clock: Clock;
}

/** Beside the token: names in lower case, ASCII values. */
export type CallHeaders = Readonly<Record<string, string>>;

/** A header's first value, by its name. */
export type HeaderOf = (name: string) => string | undefined;

const channelOptions: ChannelOptions = {
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  // A peer that vanished without a word is noticed, and one that is back is found soon.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/**
 * One connection to a gRPC service, kept while it works and made anew when it breaks. Deadlines are
 * the injected clock's: a call that is over is cancelled at the other side too.
 */
export class KmsChannel {
  readonly #options: KmsChannelOptions;
  readonly #token: TokenFile | null;
  readonly #client: Client;

  /** Throws if the file of authorities cannot be read or holds none. */
  constructor(options: KmsChannelOptions) {
    this.#options = options;
    this.#token = options.tokenFile === null ? null : new TokenFile(options.tokenFile);
    const url = new URL(options.endpoint);
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    const target = `dns:///${url.hostname}:${port}`;
    this.#client = new Client(target, credentialsFor(url, options.caFile), channelOptions);
  }

  /**
   * One call without retries; `onHeaders` gets what comes before the answer's message.
   *
   * @throws RpcError as the service answered it; UNAVAILABLE if it could not be reached,
   * DEADLINE_EXCEEDED if it took longer than `timeoutMs`
   */
  async unary<Input extends DescMessage, Output extends DescMessage>(
    desc: DescMethodUnary<Input, Output>,
    request: MessageShape<Input>,
    timeoutMs: number,
    headers: CallHeaders = {},
    onHeaders: (header: HeaderOf) => void = () => undefined,
  ): Promise<MessageShape<Output>> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + timeoutMs;
    const metadata = await this.#metadata(headers);
    const bytes = toBinary(desc.input, request);
    const answer = Promise.withResolvers<Buffer>();
    let isLate = false;
    const call: ClientUnaryCall = this.#client.makeUnaryRequest(
      `/${desc.parent.typeName}/${desc.name}`,
      asBuffer,
      asIs,
      bytes,
      metadata,
      (error, response) => {
        if (error) answer.reject(isLate ? deadlineError(error) : errorFromStatus(error));
        else answer.resolve(response ?? Buffer.alloc(0));
      },
    );
    call.on('metadata', (told: Metadata) => onHeaders((name) => told.get(name)[0]?.toString()));
    const disarm = clock.schedule(endMs, () => {
      isLate = true;
      call.cancel();
    });
    try {
      return fromBinary(desc.output, await answer.promise);
    } finally {
      disarm();
      bytes.fill(0);
    }
  }

  /**
   * Opens a stream; `onMessage` gets each message. Resolves or rejects when the stream ends, with
   * RpcError as `unary`; aborting the signal ends it with CANCELLED.
   */
  async serverStream<Input extends DescMessage, Output extends DescMessage>(
    desc: DescMethodServerStreaming<Input, Output>,
    request: MessageShape<Input>,
    onMessage: (message: MessageShape<Output>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const metadata = await this.#metadata({});
    signal.throwIfAborted();
    const ended = Promise.withResolvers<void>();
    const call = this.#client.makeServerStreamRequest(
      `/${desc.parent.typeName}/${desc.name}`,
      asBuffer,
      (bytes: Buffer) => fromBinary(desc.output, bytes),
      toBinary(desc.input, request),
      metadata,
    );
    call.on('data', onMessage);
    call.on('end', () => ended.resolve());
    call.on('error', (error: ServiceError) => ended.reject(errorFromStatus(error)));
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      await ended.promise;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Ends the connection once the calls in flight are done. */
  close(): void {
    this.#client.close();
  }

  async #metadata(headers: CallHeaders): Promise<Metadata> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    if (this.#token) metadata.set('authorization', `Bearer ${await this.#token.token()}`);
    return metadata;
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function credentialsFor(url: URL, caFile: string | null): ChannelCredentials {
  if (url.protocol === 'http:') return credentials.createInsecure();
  const ca = [...getCACertificates('default'), ...getCACertificates('system')];
  if (caFile !== null) ca.push(authoritiesIn(caFile));
  return credentials.createFromSecureContext(createSecureContext({ ca }));
}

function authoritiesIn(path: string): string {
  const pem = readFileSync(path, 'utf8');
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new Error(`${path} holds no certificate in PEM form.`);
}

function deadlineError(cause: ServiceError): RpcError {
  const text = 'The key service did not answer in time.';
  if (cause.code !== status.CANCELLED) return errorFromStatus(cause);
  return new RpcError('DEADLINE_EXCEEDED', 'KMS_DEADLINE', text, { cause });
}
