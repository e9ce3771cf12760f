import type { Clock } from '../../runtime/index.ts';
import type { Backlog } from '../delivery/backlog.ts';
import type { Lease } from '../delivery/lease.ts';
import { TypeRuns } from '../delivery/type-runs.ts';
import type { BrokerObserver } from '../observer.ts';

/** One request to move deadlines; the observer is told once for each run of one type. */
export class DeadlineChange {
  readonly #backlog: Backlog;
  readonly #nowMs: number;
  readonly #moved: TypeRuns;
  readonly #nacked: TypeRuns;

  constructor(options: {
    readonly subscription: string;
    readonly backlog: Backlog;
    readonly clock: Clock;
    readonly observer: BrokerObserver;
  }) {
    const { backlog, clock, observer, subscription } = options;
    this.#backlog = backlog;
    this.#nowMs = clock.monotonicMs();
    this.#moved = new TypeRuns((type, count) => observer.modAcked(subscription, type, count));
    this.#nacked = new TypeRuns((type, count) => observer.nacked(subscription, type, count));
  }

  /** 0 gives the message back. */
  move(lease: Lease, seconds: number): void {
    // The same id may stand twice in a request.
    if (!lease.isOutstanding) return;
    if (seconds === 0) {
      this.#nacked.add(lease.type);
      this.#backlog.fail(lease);
    } else {
      this.#moved.add(lease.type);
      this.#backlog.extend(lease, this.#nowMs + seconds * 1000);
    }
  }

  end(): void {
    this.#moved.end();
    this.#nacked.end();
  }
}
