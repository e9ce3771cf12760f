import type { RpcError } from '../../rpc/index.ts';

/** What a rewrap is to do; stored while it is under way. */
export interface RewrapTask {
  /** The CryptoKey, or the one CryptoKeyVersion, whose DEKs move. */
  readonly from: string;
  /** The CryptoKey whose primary version wraps them from then on. */
  readonly to: string;
  /** Milliseconds since the Unix epoch. */
  readonly startTimeMs: number;
}

export interface TopicRewrap {
  /** Full name. */
  readonly topic: string;
  readonly total: number;
  readonly done: number;
}

/** How far a rewrap is. Rows that were at home from the beginning are not counted. */
export interface RewrapProgress extends RewrapTask {
  /** `failed`: the storage refused, and nothing more was tried. */
  readonly state: 'running' | 'waiting' | 'done' | 'failed';
  /** Rows that were looked at, of all that there are to look at. */
  readonly done: number;
  readonly total: number;
  /** Of those done: moved, and refused by the key service; the rest had gone or moved meanwhile. */
  readonly moved: number;
  readonly refused: number;
  /** The last refusal, in the words of the key service. */
  readonly error: { readonly reason: string; readonly message: string } | null;
  readonly topics: readonly TopicRewrap[];
}

/** Counts what a rewrap does. */
export class RewrapCount {
  readonly #task: RewrapTask;
  readonly #topics = new Map<string, { total: number; done: number }>();
  #state: RewrapProgress['state'] = 'running';
  #moved = 0;
  #refused = 0;
  #error: RewrapProgress['error'] = null;

  constructor(task: RewrapTask) {
    this.#task = task;
  }

  get progress(): RewrapProgress {
    const topics = [...this.#topics].map(([topic, count]) => ({ topic, ...count }));
    return {
      ...this.#task,
      state: this.#state,
      done: topics.reduce((sum, { done }) => sum + done, 0),
      total: topics.reduce((sum, { total }) => sum + total, 0),
      moved: this.#moved,
      refused: this.#refused,
      error: this.#error,
      topics: topics.toSorted((a, b) => (a.topic < b.topic ? -1 : 1)),
    };
  }

  /** One row to do for each name. */
  begin(topics: readonly string[]): void {
    for (const topic of topics) this.#of(topic).total++;
  }

  done(topic: string, isMoved: boolean): void {
    this.#state = 'running';
    this.#of(topic).done++;
    if (isMoved) this.#moved++;
  }

  refused(topic: string, error: RpcError): void {
    this.#state = 'running';
    this.#of(topic).done++;
    this.#refused++;
    this.#note(error);
  }

  waiting(error: RpcError): void {
    this.#state = 'waiting';
    this.#note(error);
  }

  end(): void {
    this.#state = 'done';
    if (this.#refused === 0) this.#error = null;
  }

  fail(error: RpcError): void {
    this.#state = 'failed';
    this.#note(error);
  }

  #of(topic: string): { total: number; done: number } {
    const count = this.#topics.get(topic) ?? { total: 0, done: 0 };
    this.#topics.set(topic, count);
    return count;
  }

  #note({ reason, message }: RpcError): void {
    this.#error = { reason, message };
  }
}
