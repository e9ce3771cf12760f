import { type Clock, pause } from '../../runtime/index.ts';
import { CommandError } from '../command/command-error.ts';
import { Refusal, Unreachable } from '../connection/refusal.ts';
import type { RestApi } from '../connection/rest-api.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** Hands a batch to the server; resolves to its ids when all of it is durable. */
export interface MessageSender {
  send(batch: readonly OutgoingMessage[]): Promise<readonly string[]>;
  /** Messages that were sent again because an answer was lost: they may be there twice. */
  readonly repeatedCount: number;
}

const backoffMsMin = 100;
const backoffMsMax = 2000;
/** Who asked to stop waits no longer than this for a server that is away. */
const stopMsMax = 2000;

export interface Patience {
  readonly giveUpMs: number;
  readonly stop: AbortSignal;
  /** Told once of each time that the server is away, and, with undefined, when it is back. */
  readonly onWaiting: (error: CommandError | undefined) => void;
}

/** Publishes over REST, and again while the server is away. */
export class RestSender implements MessageSender {
  readonly #topic: string;
  readonly #api: Pick<RestApi, 'post'>;
  readonly #clock: Clock;
  readonly #giveUpMs: number;
  readonly #stop: AbortSignal;
  readonly #onWaiting: Patience['onWaiting'];
  #stoppedMs = Infinity;
  repeatedCount = 0;

  constructor(
    topic: string,
    ports: { readonly api: Pick<RestApi, 'post'>; readonly clock: Clock },
    patience: Patience,
  ) {
    this.#topic = topic;
    this.#api = ports.api;
    this.#clock = ports.clock;
    this.#giveUpMs = patience.giveUpMs;
    this.#stop = patience.stop;
    this.#onWaiting = patience.onWaiting;
    this.#stop.addEventListener('abort', () => (this.#stoppedMs = this.#clock.monotonicMs()));
  }

  async send(batch: readonly OutgoingMessage[]): Promise<readonly string[]> {
    const body = JSON.stringify({ messages: batch.map(jsonOf) });
    let failingSinceMs: number | undefined;
    let mayBeThere = false;
    for (let backoffMs = backoffMsMin; ; backoffMs = Math.min(backoffMs * 2, backoffMsMax)) {
      try {
        const { messageIds } = await this.#api.post(`${this.#topic}:publish`, body);
        if (failingSinceMs !== undefined) this.#onWaiting(undefined);
        if (mayBeThere) this.repeatedCount += batch.length;
        return messageIds as string[];
      } catch (error) {
        const isFirst = failingSinceMs === undefined;
        failingSinceMs ??= this.#clock.monotonicMs();
        if (!isPassing(error) || this.#isOver(failingSinceMs, backoffMs)) throw error;
        if (isFirst) this.#onWaiting(error);
        mayBeThere ||= error instanceof Unreachable && !error.isUnsent;
        await pause(this.#clock, backoffMs, this.#stop.aborted ? undefined : this.#stop);
      }
    }
  }

  /** Whether the next attempt would come too late. */
  #isOver(failingSinceMs: number, backoffMs: number): boolean {
    const nextMs = this.#clock.monotonicMs() + backoffMs;
    return nextMs > failingSinceMs + this.#giveUpMs || nextMs > this.#stoppedMs + stopMsMax;
  }
}

function isPassing(error: unknown): error is CommandError {
  return (error instanceof Refusal || error instanceof Unreachable) && error.isPassing;
}

function jsonOf({ data, attributes, orderingKey }: OutgoingMessage): object {
  const { buffer, byteOffset, byteLength } = data;
  return {
    ...(byteLength === 0
      ? {}
      : { data: Buffer.from(buffer, byteOffset, byteLength).toString('base64') }),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(orderingKey === '' ? {} : { orderingKey }),
  };
}
