import type { PushAnswer, PushRequest, PushSender } from '../../src/broker/index.ts';
import type { Clock } from '../../src/runtime/index.ts';

/** A request as the endpoint of a test saw it, and how it can be answered. */
export interface SeenRequest extends PushRequest {
  readonly atMs: number;
  readonly answer: (status: number) => void;
  /** Whether it is still to be answered. */
  isOpen: boolean;
}

/**
 * The far end of push without a network: keeps what is sent, and answers when and as a test says.
 * A request that is cut, or not answered in time, ends as the real sender ends it.
 */
export class ScriptedEndpoint implements PushSender {
  readonly seen: SeenRequest[] = [];
  /** How a request is answered as it comes; null: when the test says so. */
  respond: (request: PushRequest, index: number) => number | null = () => 204;
  /** How long each takes that `respond` answers. */
  latencyMs = 0;
  readonly #clock: () => Clock;

  constructor(clock: () => Clock) {
    this.#clock = clock;
  }

  get open(): SeenRequest[] {
    return this.seen.filter((request) => request.isOpen);
  }

  /** Bodies of the wrapped messages, in the order in which they came. */
  get texts(): string[] {
    return this.seen.map(({ body }) => textOf(body));
  }

  async send(request: PushRequest): Promise<PushAnswer> {
    const clock = this.#clock();
    const { promise, resolve } = Promise.withResolvers<PushAnswer>();
    const seen: SeenRequest = {
      ...request,
      atMs: clock.monotonicMs(),
      isOpen: true,
      answer: (status) => settle(answerOf(status)),
    };
    const settle = (answer: PushAnswer): void => {
      seen.isOpen = false;
      cancelTimeout();
      resolve(answer);
    };
    const cancelTimeout = clock.schedule(clock.monotonicMs() + request.timeoutMs, () => {
      settle({ responseClass: 'deadline_exceeded', code: 'deadline_exceeded', text: 'Too late.' });
    });
    request.signal.addEventListener('abort', () => {
      settle({ responseClass: 'internal', code: 'aborted', text: 'Cut.' });
    });
    const status = this.respond(request, this.seen.push(seen) - 1);
    if (status !== null && this.latencyMs === 0) seen.answer(status);
    else if (status !== null) {
      clock.schedule(clock.monotonicMs() + this.latencyMs, () => seen.answer(status));
    }
    return await promise;
  }
}

const successes: ReadonlySet<number> = new Set([102, 200, 201, 202, 204]);

function answerOf(status: number): PushAnswer {
  const text = `The endpoint answered ${status}.`;
  const failure = status < 500 ? 'remote_server_4xx' : 'remote_server_5xx';
  return { responseClass: successes.has(status) ? 'ack' : failure, code: String(status), text };
}

/** The data of a wrapped message. */
export function textOf(body: Uint8Array): string {
  const { message } = JSON.parse(Buffer.from(body).toString()) as { message: { data: string } };
  return Buffer.from(message.data, 'base64').toString();
}
