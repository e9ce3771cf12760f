import { type Cancel, type Clock, type Logger } from '../runtime/index.ts';
import { Pkcs11Error } from './pkcs11-error.ts';
import type {
  BlockInput,
  GcmInput,
  MacInput,
  NewTokenKey,
  TokenPlace,
  TokenReply,
  TokenRequest,
  TokenResult,
} from './token-request.ts';
import { type StartTokenWorker, startTokenWorker, type TokenWorker } from './token-worker.ts';

export interface TokenOptions {
  readonly place: TokenPlace;
  readonly clock: Clock;
  readonly log: Logger;
  /** From the call to its answer, waiting included; ms. */
  readonly deadlineMs?: number;
  /** Calls that wait, at most. */
  readonly queueMax?: number;
  /** How the token's process is made; its own unless a test has another. */
  readonly startWorker?: StartTokenWorker;
}

const deadlineMsDefault = 5_000;
const queueMaxDefault = 1_000;
const backoffMsMin = 100;
const backoffMsMax = 10_000;

interface Call {
  readonly request: TokenRequest;
  readonly resolve: (result: TokenResult) => void;
  readonly reject: (error: Pkcs11Error) => void;
  readonly cancelDeadline: Cancel;
}

/**
 * A PKCS#11 token. Calls are made one after the other in a process of the token's own, so that a
 * slow library never blocks this one, and one that hangs or crashes is replaced: after a failure to
 * open it, calls fail at once until a growing back-off has passed, and for good after a refused PIN.
 * Every call throws Pkcs11Error.
 */
export class Token {
  readonly #options: TokenOptions;
  readonly #waiting: Call[] = [];
  #running: Call | 'opening' | null = null;
  #worker: TokenWorker | null = null;
  #isOpen = false;
  #isClosed = false;
  #failure: Pkcs11Error | null = null;
  #backoffMs = 0;
  #retryAtMs = 0;

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** Opens it now, so that a wrong library, label or PIN is told at start. */
  async open(): Promise<void> {
    await this.#call({ do: 'open', ...this.#options.place });
  }

  /** Makes a key that cannot be extracted; durable on the token when it resolves. */
  async generateKey(key: NewTokenKey): Promise<void> {
    await this.#call({ do: 'generateKey', ...key });
  }

  async hasKey(keyId: Uint8Array): Promise<boolean> {
    return (await this.#call({ do: 'hasKey', keyId })) as boolean;
  }

  /** False if there was none. */
  async destroyKey(keyId: Uint8Array): Promise<boolean> {
    return (await this.#call({ do: 'destroyKey', keyId })) as boolean;
  }

  /** Ciphertext with its tag at the end. The caller never gives one `iv` twice for a key. */
  async gcmEncrypt(input: GcmInput): Promise<Uint8Array> {
    return (await this.#call({ do: 'gcmEncrypt', ...input })) as Uint8Array;
  }

  /** Null if it does not authenticate. The caller overwrites what it gets. */
  async gcmDecrypt(input: GcmInput): Promise<Uint8Array | null> {
    return (await this.#call({ do: 'gcmDecrypt', ...input })) as Uint8Array | null;
  }

  async blockEncrypt(input: BlockInput): Promise<Uint8Array> {
    return (await this.#call({ do: 'blockEncrypt', ...input })) as Uint8Array;
  }

  async blockDecrypt(input: BlockInput): Promise<Uint8Array> {
    return (await this.#call({ do: 'blockDecrypt', ...input })) as Uint8Array;
  }

  /** The whole HMAC. */
  async mac(input: MacInput): Promise<Uint8Array> {
    return (await this.#call({ do: 'mac', ...input })) as Uint8Array;
  }

  /** Bytes of the token's own generator. */
  async random(length: number): Promise<Uint8Array> {
    return (await this.#call({ do: 'random', length })) as Uint8Array;
  }

  /** Ends its process; calls that wait fail. */
  close(): void {
    this.#isClosed = true;
    this.#dropWorker();
    const error = new Pkcs11Error('unavailable', 'The PKCS#11 token was closed.');
    const running = this.#running;
    this.#running = null;
    if (running !== null && running !== 'opening') settle(running, error);
    this.#failAll(error);
  }

  #call(request: TokenRequest): Promise<TokenResult> {
    const { clock, deadlineMs = deadlineMsDefault, queueMax = queueMaxDefault } = this.#options;
    if (this.#isClosed) throw new Pkcs11Error('unavailable', 'The PKCS#11 token was closed.');
    if (this.#waiting.length >= queueMax) {
      throw new Pkcs11Error('busy', `${queueMax} calls wait for the PKCS#11 token already.`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<TokenResult>();
    const dueMs = clock.monotonicMs() + deadlineMs;
    const cancelDeadline = clock.schedule(dueMs, () => this.#late(call));
    const call: Call = { request, resolve, reject, cancelDeadline };
    this.#waiting.push(call);
    this.#next();
    return promise;
  }

  #next(): void {
    if (this.#running !== null || this.#waiting.length === 0) return;
    if (this.#failure !== null && this.#options.clock.monotonicMs() < this.#retryAtMs) {
      return this.#failAll(this.#failure);
    }
    this.#worker ??= this.#start();
    if (!this.#isOpen) {
      this.#running = 'opening';
      return this.#worker.send({ do: 'open', ...this.#options.place });
    }
    const call = this.#waiting.shift()!;
    this.#running = call;
    this.#worker.send(call.request);
  }

  #start(): TokenWorker {
    const worker: TokenWorker = (this.#options.startWorker ?? startTokenWorker)({
      reply: (reply) => {
        if (this.#worker === worker) this.#replied(reply);
      },
      gone: (why) => {
        if (this.#worker === worker) this.#lost(why);
      },
    });
    return worker;
  }

  #replied(reply: TokenReply): void {
    const running = this.#running;
    this.#running = null;
    if (running === 'opening') this.#opened(reply);
    else if (running !== null) settleBy(running, reply);
    this.#next();
  }

  #opened(reply: TokenReply): void {
    if ('result' in reply) {
      this.#isOpen = true;
      this.#failure = null;
      this.#backoffMs = 0;
      return;
    }
    this.#fail(new Pkcs11Error(reply.fault, reply.message));
  }

  /** The next attempt waits, ever longer; who asks before is told why at once. */
  #fail(error: Pkcs11Error): void {
    const { clock, log, place } = this.#options;
    this.#dropWorker();
    this.#backoffMs = Math.min(Math.max(this.#backoffMs * 2, backoffMsMin), backoffMsMax);
    const isFinal = error.fault === 'pinRefused';
    this.#retryAtMs = isFinal ? Number.POSITIVE_INFINITY : clock.monotonicMs() + this.#backoffMs;
    this.#failure = error;
    const fields = { token: place.tokenLabel, fault: error.fault, backoffMs: this.#backoffMs };
    log.warn(fields, error.message);
    this.#failAll(error);
  }

  #lost(why: string): void {
    const running = this.#running;
    this.#running = null;
    const error = new Pkcs11Error('unavailable', `The PKCS#11 token was lost: ${why}.`);
    if (running !== null && running !== 'opening') settle(running, error);
    this.#fail(error);
  }

  /** What runs cannot be called back: its process is ended, and the others get a new one. */
  #late(call: Call): void {
    const { deadlineMs = deadlineMsDefault } = this.#options;
    const text = `The PKCS#11 token did not answer within ${deadlineMs} ms.`;
    const error = new Pkcs11Error('deadline', text);
    settle(call, error);
    const place = this.#waiting.indexOf(call);
    if (place !== -1) this.#waiting.splice(place, 1);
    const isStuck = this.#running === call || (place !== -1 && this.#running === 'opening');
    if (!isStuck) return;
    this.#running = null;
    this.#fail(error);
  }

  #failAll(error: Pkcs11Error): void {
    for (const call of this.#waiting.splice(0)) settle(call, error);
  }

  #dropWorker(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#isOpen = false;
    worker?.end();
  }
}

function settle(call: Call, error: Pkcs11Error): void {
  call.cancelDeadline();
  call.reject(error);
}

function settleBy(call: Call, reply: TokenReply): void {
  if ('fault' in reply) return settle(call, new Pkcs11Error(reply.fault, reply.message));
  call.cancelDeadline();
  call.resolve(reply.result);
}
