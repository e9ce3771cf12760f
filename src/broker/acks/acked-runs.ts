import type { Lease } from '../delivery/lease.ts';
import type { BrokerObserver, DeliveryType } from '../observer.ts';

/** Tells the observer of the acknowledgements of one request: once for each run of one type. */
export class AckedRuns {
  readonly #observer: BrokerObserver;
  readonly #subscription: string;
  readonly #nowMs: number;
  #type: DeliveryType = 'pull';
  #latenciesMs: number[] = [];
  #untimedCount = 0;

  /** `nowMs`: monotonic. */
  constructor(observer: BrokerObserver, subscription: string, nowMs: number) {
    this.#observer = observer;
    this.#subscription = subscription;
    this.#nowMs = nowMs;
  }

  add({ type, deliveredMs }: Lease): void {
    if (type !== this.#type) this.end();
    this.#type = type;
    if (deliveredMs < 0) this.#untimedCount++;
    else this.#latenciesMs.push(Math.max(0, this.#nowMs - deliveredMs));
  }

  end(): void {
    if (this.#latenciesMs.length === 0 && this.#untimedCount === 0) return;
    this.#observer.acked(this.#subscription, this.#type, this.#latenciesMs, this.#untimedCount);
    this.#latenciesMs = [];
    this.#untimedCount = 0;
  }
}
