import type { Http2Stream } from 'node:http2';

import { status } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';

import { assert } from '../../runtime/index.ts';
import { budgetMessage, type RequestBudget } from '../request-budget.ts';

/** Messages that are decompressed at a time: as many as libuv has threads for it. */
const inflatingMax = 4;

/** Runs what is given to it, so many at a time, in the order of their coming. */
export class Turnstile {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #passing = 0;

  constructor(max: number) {
    this.#max = max;
  }

  async pass<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#passing >= this.#max) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#passing++;
    }
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#passing--;
      else next();
    }
  }
}

/** What a stream's decompressed requests are counted in. */
export interface InflatedBytes {
  readonly budget: RequestBudget;
  /** Its requests come one after the other and are not held: each is only let through. */
  readonly isStreaming: boolean;
}

const turnstile = new Turnstile(inflatingMax);
const accounts = new WeakMap<object, InflatedBytes>();

/**
 * Bounds what compressed requests become: grpc-js caps one message, but would inflate those of all
 * streams at once, so that a few hundred kilobytes could grow to gigabytes.
 */
export function countInflated(stream: Http2Stream, account: InflatedBytes): void {
  accounts.set(stream, account);
}

/** What grpc-js keeps to itself. */
interface Inflater {
  stream: Http2Stream;
  decompressMessage(message: Buffer, encoding: string): Buffer | Promise<Buffer>;
}

const inflater = BaseServerInterceptingCall.prototype as unknown as Inflater;
// oxlint-disable-next-line typescript/unbound-method
const { decompressMessage } = inflater;
assert(typeof decompressMessage === 'function', 'grpc-js decompresses elsewhere');

inflater.decompressMessage = function decompress(
  this: Inflater,
  message: Buffer,
  encoding: string,
): Buffer | Promise<Buffer> {
  const { stream } = this;
  const account = accounts.get(stream);
  if (encoding === 'identity' || account === undefined) {
    return decompressMessage.call(this, message, encoding);
  }
  return turnstile.pass(async () => {
    // Its client may be gone by the time that its turn comes.
    if (stream.destroyed) throw refusal(status.CANCELLED, 'The client is gone.');
    const bytes = await decompressMessage.call(this, message, encoding);
    if (!account.isStreaming) hold(stream, account.budget, bytes.length);
    return bytes;
  });
};

function hold(stream: Http2Stream, budget: RequestBudget, bytes: number): void {
  if (stream.destroyed) return;
  budget.take(bytes);
  if (budget.isSpent) {
    budget.give(bytes);
    throw refusal(status.RESOURCE_EXHAUSTED, budgetMessage);
  }
  stream.once('close', () => budget.give(bytes));
}

/** As grpc-js takes refusals of its decompressor: an error that is a status. */
const refusal = (code: status, details: string): Error =>
  Object.assign(new Error(details), { code, details });
