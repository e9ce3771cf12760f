/** Those that wait for one host, oldest first. */
type Queue = Set<() => void>;

/**
 * Bounds how many requests are under way, in all and to one host. The others wait: those of one
 * host in the order they came, the hosts in turn.
 */
export class RequestSlots {
  readonly #max: number;
  readonly #perHostMax: number;
  readonly #used: Map<string, number> = new Map();
  readonly #queues: Map<string, Queue> = new Map();
  #usedCount = 0;

  constructor(max: number, perHostMax: number) {
    this.#max = max;
    this.#perHostMax = perHostMax;
  }

  /** Resolves with what gives the slot back; rejects with the signal's reason. */
  async take(host: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isFree(host)) this.#use(host);
    else await this.#wait(host, signal);
    return () => this.#giveBack(host);
  }

  #isFree(host: string): boolean {
    return this.#usedCount < this.#max && (this.#used.get(host) ?? 0) < this.#perHostMax;
  }

  #use(host: string): void {
    this.#usedCount += 1;
    this.#used.set(host, (this.#used.get(host) ?? 0) + 1);
  }

  #wait(host: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#dequeue(host, start);
        reject(signal.reason as Error);
      };
      const start = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const queue: Queue = this.#queues.get(host) ?? new Set();
      this.#queues.set(host, queue.add(start));
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #dequeue(host: string, start: () => void): void {
    const queue = this.#queues.get(host);
    queue?.delete(start);
    if (queue?.size === 0) this.#queues.delete(host);
  }

  /** One slot came free, so at most one request can start. */
  #giveBack(host: string): void {
    this.#usedCount -= 1;
    const left = (this.#used.get(host) ?? 0) - 1;
    if (left > 0) this.#used.set(host, left);
    else this.#used.delete(host);
    for (const [waiting, queue] of this.#queues) {
      if (!this.#isFree(waiting)) continue;
      const [start] = queue;
      this.#queues.delete(waiting);
      if (queue.size > 1) this.#queues.set(waiting, queue);
      queue.delete(start!);
      this.#use(waiting);
      start!();
      return;
    }
  }
}
