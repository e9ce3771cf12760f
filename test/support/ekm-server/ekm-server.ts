import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { bearerCheck, type BearerCheck } from './bearer-check.ts';
import type { EkmBehaviour } from './ekm-behaviour.ts';
import { EkmKey } from './ekm-key.ts';

/** A call as it arrived; what is secret in it is not kept. */
export interface EkmRecord {
  readonly operation: 'wrap' | 'unwrap';
  readonly keyPath: string;
  readonly reason: string;
  readonly resourceName: string;
  /** The resource that the key is used for, as the header says. */
  readonly usedFor: string | undefined;
  readonly isHealthCheck: boolean;
  /** Who asks, by the token; undefined where tokens are not checked. */
  readonly email: unknown;
  status: number;
}

interface EkmBody {
  readonly keyPath: string;
  readonly keyUriPrefix: string;
  readonly plaintext?: string;
  readonly wrappedBlob?: string;
  readonly additionalAuthenticatedData: string;
  readonly additionalContext: {
    readonly fullResourceName: string;
    readonly relativeResourceName: string;
    readonly accessReasonContext: { readonly reason: string };
    readonly isKeyHealthCheck: boolean;
  };
}

export interface EkmServerOptions {
  readonly certificates: { readonly key: string; readonly cert: string };
  /** Whose tokens are taken; asked at each call. Undefined: tokens are not looked at. */
  readonly issuer?: () => string;
  readonly port?: number;
  readonly onCall?: (record: EkmRecord) => void;
}

/** An external key manager: the protocol of docs/ekm.md over HTTPS, with real keys. */
export class EkmServer {
  behaviour: EkmBehaviour = { kind: 'honest' };
  /** `allowedCacheDuration` of unwraps: `300s`; undefined: none is said. */
  cacheDuration: string | undefined;
  readonly records: EkmRecord[] = [];
  readonly #options: EkmServerOptions;
  readonly #keys: Map<string, EkmKey> = new Map();
  readonly #sockets: Set<Socket> = new Set();
  readonly #bearer: BearerCheck | null;
  #firstPlaintext: Buffer | null = null;
  #server: Server | null = null;
  #port: number;

  constructor(options: EkmServerOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    const { issuer } = options;
    this.#bearer = issuer === undefined ? null : bearerCheck(issuer, () => this.host);
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${String(this.#port)}`;
  }

  /** Makes a key; the answer is its URI. */
  createKey(path: string): string {
    this.#keys.set(path, new EkmKey());
    return `https://${this.host}/${path}`;
  }

  deleteKey(path: string): void {
    this.#keys.delete(path);
  }

  /** The same key under another path; the answer is its URI. */
  moveKey(path: string, to: string): string {
    const key = this.#keys.get(path);
    if (key !== undefined) this.#keys.set(to, key);
    this.#keys.delete(path);
    return `https://${this.host}/${to}`;
  }

  count(operation?: EkmRecord['operation']): number {
    return this.records.filter((each) => operation === undefined || each.operation === operation)
      .length;
  }

  /** On the port of before, if there was one. */
  async start(): Promise<void> {
    const server = createServer(this.#options.certificates, (request, response) => {
      void this.#serve(request, response);
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Its connections are cut; its keys stay. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = JSON.parse((await bytesOf(request)).toString()) as EkmBody;
      const [, path = '', operation] = /^\/(.+):(wrap|unwrap)$/.exec(request.url ?? '') ?? [];
      if (operation === undefined || request.method !== 'POST') return answer(response, 404, {});
      const claims = await this.#bearer?.claims(request.headers.authorization);
      const record: EkmRecord = {
        operation: operation as EkmRecord['operation'],
        keyPath: body.keyPath,
        reason: body.additionalContext.accessReasonContext.reason,
        resourceName: body.additionalContext.relativeResourceName,
        usedFor: request.headers['x-sealpost-resource'] as string | undefined,
        isHealthCheck: body.additionalContext.isKeyHealthCheck,
        email: claims?.['email'],
        status: 0,
      };
      this.records.push(record);
      const isKnown = claims !== null && body.keyPath === path;
      const answered = isKnown
        ? await this.#answerTo(record.operation, body)
        : { status: 401, message: {} };
      record.status = answered.status;
      this.#options.onCall?.(record);
      answer(response, answered.status, answered.message);
    } catch {
      // A connection that was cut, or a body that is none.
      answer(response, 400, {});
    }
  }

  async #answerTo(operation: EkmRecord['operation'], body: EkmBody): Promise<Answered> {
    const { behaviour } = this;
    if (behaviour.kind === 'slow') await sleep(behaviour.ms);
    if (behaviour.kind === 'deny') return { status: 403, message: {} };
    if (behaviour.kind === 'status') return { status: behaviour.status, message: {} };
    if (behaviour.kind === 'garbage') return { status: 200, message: '<html>welcome</html>' };
    const key = this.#keys.get(body.keyPath);
    if (key === undefined) return { status: 404, message: {} };
    const associatedData = Buffer.from(body.additionalAuthenticatedData, 'base64');
    if (operation === 'wrap') {
      const plaintext = Buffer.from(body.plaintext ?? '', 'base64');
      const isOther = behaviour.kind === 'other key';
      const wrapped = key.wrap(isOther ? randomBytes(plaintext.length) : plaintext, associatedData);
      return { status: 200, message: { wrappedBlob: this.#texted(wrapped) } };
    }
    const plaintext = key.unwrap(Buffer.from(body.wrappedBlob ?? '', 'base64'), associatedData);
    if (plaintext === null) return { status: 400, message: {} };
    const message = {
      plaintext: this.#texted(this.#given(plaintext)),
      ...(this.cacheDuration !== undefined && { allowedCacheDuration: this.cacheDuration }),
    };
    return { status: 200, message };
  }

  #given(plaintext: Buffer): Buffer {
    this.#firstPlaintext ??= plaintext;
    if (this.behaviour.kind === 'old key') return this.#firstPlaintext;
    if (this.behaviour.kind === 'other key') return randomBytes(plaintext.length);
    return this.behaviour.kind === 'short' ? plaintext.subarray(0, -1) : plaintext;
  }

  #texted(bytes: Buffer): string {
    const text = bytes.toString('base64');
    return this.behaviour.kind === 'bad base64' ? `*${text}` : text;
  }
}

interface Answered {
  readonly status: number;
  readonly message: object | string;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, status: number, message: object | string): void {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}
