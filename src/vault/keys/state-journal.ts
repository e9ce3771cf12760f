import type { Cancel, Clock, Logger } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { KeyPlace, KeyState } from './key-state.ts';
import { encodeKeyState, keyStateRowKey, type StoredKeyState } from './key-state-rows.ts';

/** A state that is to be stored, and whether those who listen are to hear of it then. */
interface Change {
  /** Null: the row goes. */
  readonly row: StoredKeyState | null;
  readonly told: KeyState | null;
}

export interface StateJournalPorts {
  readonly meta: MetaStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told after the state is durable, in the order of the changes. */
  readonly tell: (state: KeyState) => void;
}

const retryMs = 5_000;

/**
 * Stores the changes of one place, one after the other. While they cannot be stored only the last
 * one is kept, and tried again.
 */
export class StateJournal {
  readonly #key: string;
  readonly #ports: StateJournalPorts;
  #waiting: Change[] = [];
  #running: Promise<void> | null = null;
  #cancel: Cancel | null = null;
  #isClosed = false;

  constructor(place: KeyPlace, ports: StateJournalPorts) {
    this.#key = keyStateRowKey(place);
    this.#ports = ports;
  }

  add({ row, told }: Change): void {
    const isFailing = this.#cancel !== null;
    const untold = isFailing ? (this.#waiting.at(-1)?.told ?? null) : null;
    if (isFailing) this.#waiting = [];
    this.#waiting.push({ row, told: told ?? untold });
    this.#start();
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  #start(): void {
    if (!this.#isClosed) this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    try {
      while (this.#waiting.length > 0) await this.#write(this.#waiting[0]!);
    } catch (err) {
      const { clock, log } = this.#ports;
      log.error({ err, row: this.#key }, 'what is known of a key could not be stored');
      const retry = (): void => this.#start();
      if (!this.#isClosed) this.#cancel = clock.schedule(clock.monotonicMs() + retryMs, retry);
    }
    this.#running = null;
  }

  async #write(change: Change): Promise<void> {
    const value = change.row === null ? null : encodeKeyState(change.row);
    await this.#ports.meta.txn([], [{ key: this.#key, value }]);
    this.#waiting.shift();
    if (change.told !== null) this.#ports.tell(change.told);
  }
}
