import { storageRefusal } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Append, LogId, Outcome, Store } from '../../storage/index.ts';

/** Where an owned log stands, as its one writer knows it. */
export interface LogPosition {
  readonly next: number;
  /** Publish time of the last segment, ms. */
  readonly timeMs: number;
}

/**
 * The writer's end of one owned log. It remembers the tail, and learns it anew whenever an append
 * did not end in `ok`: an outcome that nobody knows is asked for, never guessed.
 */
export class Appender {
  readonly #store: Store;
  readonly log: LogId;
  readonly epoch: number;
  #position: LogPosition | null;

  constructor(store: Store, log: LogId, epoch: number, position: LogPosition | null) {
    this.#store = store;
    this.log = log;
    this.epoch = epoch;
    this.#position = position;
  }

  /** The tail; asks the store only after something went wrong. Throws RpcError. */
  async position(): Promise<LogPosition> {
    if (this.#position !== null) return this.#position;
    try {
      const [tail] = await this.#store.tails([this.log]);
      this.#position = { next: tail?.next ?? 0, timeMs: tail?.timeMs ?? 0 };
      return this.#position;
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  /**
   * Appends segments that follow one another in one group commit. True when all are durable; false
   * when the first was not at the tail: then the writer makes them anew, with new ids.
   * Throws RpcError when it cannot be done or nobody can say whether it was.
   */
  async append(ops: readonly Append[]): Promise<boolean> {
    this.#position = null;
    let outcomes: Outcome[];
    try {
      outcomes = await this.#store.commit(ops);
      outcomes = await this.#settle(ops, outcomes);
    } catch (error) {
      throw storageRefusal(error);
    }
    if (outcomes.includes('fenced')) throw lostOwnership();
    if (outcomes.includes('unknown')) throw inDoubt();
    if (outcomes.includes('conflict')) return false;
    const last = ops[ops.length - 1]!;
    this.#position = { next: last.at + last.count, timeMs: last.timeMs };
    return true;
  }

  async #settle(ops: readonly Append[], outcomes: Outcome[]): Promise<Outcome[]> {
    if (!outcomes.includes('unknown')) return outcomes;
    return await Promise.all(
      ops.map(async (op, i) =>
        outcomes[i] === 'unknown' ? await this.#store.resolve(op) : outcomes[i]!,
      ),
    );
  }
}

const lostOwnership = (): RpcError =>
  new RpcError(
    'UNAVAILABLE',
    'NOT_OWNER',
    'Another broker has taken this resource over. Please try again.',
  );

const inDoubt = (): RpcError =>
  new RpcError(
    'UNAVAILABLE',
    'COMMIT_IN_DOUBT',
    'The storage did not confirm the write. Please try again.',
  );
