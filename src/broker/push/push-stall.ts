import { RpcError } from '../../rpc/index.ts';
import type { Cancel, Clock, Logger } from '../../runtime/index.ts';
import type { PushStatus } from '../service.ts';

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * Why push of one subscription stands still, and when it is tried again: whoever knows that the key
 * is back says so, and the clock asks ever more rarely. Writes one line for each transition.
 */
export class PushStall {
  readonly #ports: { readonly clock: Clock; readonly log: Logger };
  readonly #subscription: string;
  readonly #attempt: () => void;
  #cause: PushStatus['stalledBy'] = null;
  #isKeyRefused = false;
  #retryMs = firstRetryMs;
  #attemptedMs = -Infinity;
  #retryAtMs = Infinity;
  #cancelRetry: Cancel | null = null;
  #isAttempting = false;
  #isDueAgain = false;

  /** `attempt` tries to push again; it ends in `over`, in `begin` or in `stop`. */
  constructor(
    ports: { readonly clock: Clock; readonly log: Logger },
    subscription: string,
    attempt: () => void,
  ) {
    this.#ports = ports;
    this.#subscription = subscription;
    this.#attempt = attempt;
  }

  get cause(): PushStatus['stalledBy'] {
    return this.#cause;
  }

  /** It stands still, or still does. True if that is for want of the key. */
  begin(error: unknown): boolean {
    const thrown = RpcError.from(error);
    const { code, message } = thrown;
    const reason = stallReason(thrown);
    const isNews = this.#cause?.reason !== reason;
    this.#cause = { reason, message };
    this.#isKeyRefused = code === 'FAILED_PRECONDITION';
    if (isNews) {
      const fields = { subscription: this.#subscription, reason, cause: message };
      this.#ports.log.warn(fields, 'push stands still');
    }
    const waitMs = this.#isDueAgain ? 0 : this.#retryMs;
    this.#arm(this.#ports.clock.monotonicMs() + waitMs);
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
    return this.#isKeyRefused;
  }

  /** It moves. */
  over(): void {
    const stoodStill = this.#cause !== null;
    this.forget();
    if (!stoodStill) return;
    this.#ports.log.warn({ subscription: this.#subscription }, 'push goes on');
  }

  /** Nobody wants to push any more. */
  forget(): void {
    this.stop();
    this.#cause = null;
    this.#retryMs = firstRetryMs;
  }

  /** The key is back: tries at once, or again if an attempt is under way that may have come early. */
  retry(): void {
    if (this.#isAttempting) this.#isDueAgain = true;
    if (this.#cancelRetry === null) return;
    this.stop();
    this.#isAttempting = true;
    this.#attemptedMs = this.#ports.clock.monotonicMs();
    this.#attempt();
  }

  /** A message was published, so some key can be used: tries now, but no more than once a second. */
  hint(): void {
    if (this.#cancelRetry === null || !this.#isKeyRefused) return;
    const atMs = this.#attemptedMs + firstRetryMs;
    if (atMs <= this.#ports.clock.monotonicMs()) this.retry();
    else if (atMs < this.#retryAtMs) this.#arm(atMs);
  }

  /** Tries no more by itself. */
  stop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#isAttempting = false;
    this.#isDueAgain = false;
  }

  #arm(atMs: number): void {
    this.stop();
    this.#retryAtMs = atMs;
    this.#cancelRetry = this.#ports.clock.schedule(atMs, () => this.retry());
  }
}

/**
 * What is wrong with the key, in Cloud KMS's own words for it: the type of the violation
 * (`KEY_DISABLED`, `KEY_DESTROYED`, …) where there is one, from whichever key service it comes.
 */
function stallReason({ reason, details }: RpcError): string {
  if (reason === 'KEY_USE_DENIED') return 'PERMISSION_DENIED';
  for (const detail of details) {
    if (detail['@type'] !== 'type.googleapis.com/google.rpc.PreconditionFailure') continue;
    const [violation] = detail.violations;
    if (violation !== undefined) return violation.type;
  }
  return reason;
}
