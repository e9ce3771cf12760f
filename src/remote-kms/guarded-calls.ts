import type { StatusCode } from '../rpc/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { Clock, Entropy } from '../runtime/index.ts';
import { tryRepeatedly } from './call-attempts.ts';
import { CircuitBreakers, type CallVerdict } from './circuit-breaker.ts';
import type { RemoteKmsObserver } from './observer.ts';
import { isAnswered } from './status-details.ts';

export interface GuardedCallsOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly observer: RemoteKmsObserver;
  /** For a call with all its tries. */
  readonly deadlineMs: number;
}

/** Codes of a service that did not get to the question; with the breaker's own they are retriable. */
const silentCodes: ReadonlySet<StatusCode> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED']);

/** What every call of a remote key goes through: breaker, deadline, retries, and its measures. */
export class GuardedCalls {
  readonly #options: GuardedCallsOptions;
  readonly #breakers: CircuitBreakers;
  readonly #underWay = new Set<Promise<unknown>>();
  #isDraining = false;

  constructor(options: GuardedCallsOptions) {
    this.#options = options;
    const { clock, observer } = options;
    this.#breakers = new CircuitBreakers(clock, (count) => observer.openBreakers(count));
  }

  /**
   * Runs one call for a key; `attempt` gets the milliseconds that are left to it.
   *
   * @throws RpcError as the service answered; UNAVAILABLE at once while the key's breaker is open
   */
  async run<Answer>(
    operation: 'Encrypt' | 'Decrypt',
    keyName: string,
    attempt: (timeoutMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    const { clock, observer } = this.#options;
    const startMs = clock.monotonicMs();
    let code: StatusCode = 'OK';
    try {
      return await this.#admitted(operation, keyName, attempt);
    } catch (thrown) {
      const error = RpcError.from(thrown);
      ({ code } = error);
      throw error;
    } finally {
      observer.call(operation, code, clock.monotonicMs() - startMs);
    }
  }

  /** The service was heard of: no key's breaker holds calls back any longer. */
  heard(): void {
    this.#breakers.reset();
  }

  /** Admits no more calls, and resolves when those under way have ended. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.allSettled(this.#underWay);
  }

  async #admitted<Answer>(
    operation: string,
    keyName: string,
    attempt: (timeoutMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#isDraining) {
      throw new RpcError('UNAVAILABLE', 'DRAINING', 'The server is shutting down.');
    }
    if (!this.#breakers.admits(keyName)) throw breakerError();
    const { observer } = this.#options;
    const answer = tryRepeatedly(
      {
        ...this.#options,
        onRetry: ({ code }) => observer.retried(operation, code),
        onCorruption: () => observer.corrupted(operation),
      },
      attempt,
    );
    this.#underWay.add(answer);
    let verdict: CallVerdict = 'answered';
    try {
      return await answer;
    } catch (error) {
      verdict = verdictOf(error);
      throw error;
    } finally {
      this.#underWay.delete(answer);
      this.#breakers.settle(keyName, verdict);
    }
  }
}

/** An error that the service itself explains is an answer, though it may say UNAVAILABLE. */
function verdictOf(thrown: unknown): CallVerdict {
  const error = RpcError.from(thrown);
  if (!silentCodes.has(error.code)) return 'answered';
  return isAnswered(error) ? 'answered' : 'failed';
}

function breakerError(): RpcError {
  const text = 'The key service failed several times in a row and is not asked for a moment.';
  return new RpcError('UNAVAILABLE', 'KMS_BREAKER_OPEN', text);
}
