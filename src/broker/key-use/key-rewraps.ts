import { Serial } from '../../runtime/index.ts';
import { storageRefusal } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { decodeRow, encodeRow } from '../catalog/catalog-rows.ts';
import type { Registry } from '../registry.ts';
import { KeyRewrap } from './key-rewrap.ts';
import type { RewrapProgress, RewrapTask } from './rewrap-progress.ts';

const prefix = 'key-rewrap/';
/** Rewraps whose outcome can still be asked for. */
const endedMax = 100;

/** Is told of a rewrap's begin and end, for the audit log. A begin that it refuses is none. */
export interface RewrapJournal {
  began(task: RewrapTask): Promise<void>;
  ended(progress: RewrapProgress): Promise<void>;
}

export const noRewrapJournal: RewrapJournal = {
  began: async () => undefined,
  ended: async () => undefined,
};

/**
 * The rewraps of this broker, one after the other. Each is a row while it is not done, so that the
 * next life goes on with it; what was moved before stays moved.
 */
export class KeyRewraps {
  readonly #registry: Registry;
  readonly #journal: RewrapJournal;
  /** By CryptoKey. */
  readonly #rewraps = new Map<string, KeyRewrap>();
  readonly #waiting: KeyRewrap[] = [];
  /** Two that are ordered at once are one. */
  readonly #starts = new Serial();
  #current: KeyRewrap | null = null;
  #working: Promise<void> | null = null;
  #isClosed = false;

  constructor(registry: Registry, journal: RewrapJournal) {
    this.#registry = registry;
    this.#journal = journal;
  }

  /** Goes on with what a crash or a stop interrupted. */
  async resume(): Promise<void> {
    const rows = await this.#registry.ports.meta.list(prefix, { limit: 1_000 });
    for (const { value } of rows) this.#enqueue(decodeRow(value) as RewrapTask);
  }

  /**
   * Starts one for a CryptoKey, or answers how far it is if one is under way. `from`: this version
   * alone. `to`: another CryptoKey. Throws RpcError INVALID_ARGUMENT for names that do not fit.
   */
  async start(
    keyName: string,
    { from, to }: { readonly from?: string; readonly to?: string },
  ): Promise<RewrapProgress> {
    this.#registry.refuseWhenDraining();
    if (from !== undefined && !from.startsWith(`${keyName}/cryptoKeyVersions/`)) {
      const text = `${from} is not a version of ${keyName}.`;
      throw new RpcError('INVALID_ARGUMENT', 'REWRAP_FROM_INVALID', text);
    }
    const names = { from: from ?? keyName, to: to ?? keyName };
    return await this.#starts.run(() => this.#started(keyName, names));
  }

  async #started(keyName: string, names: Pick<RewrapTask, 'from' | 'to'>): Promise<RewrapProgress> {
    const known = this.#rewraps.get(keyName);
    if (known !== undefined && this.#isUnderWay(known)) return known.progress;
    const task: RewrapTask = { ...names, startTimeMs: this.#registry.ports.clock.wallMs() };
    await this.#journal.began(task);
    await this.#store(keyName, encodeRow(task));
    return this.#enqueue(task).progress;
  }

  /** Of the last one of a CryptoKey. Throws NOT_FOUND if there is none that is known. */
  progress(keyName: string): RewrapProgress {
    const rewrap = this.#rewraps.get(keyName);
    if (rewrap !== undefined) return rewrap.progress;
    throw new RpcError('NOT_FOUND', 'REWRAP_NOT_FOUND', `No rewrap of ${keyName} is known.`);
  }

  /** What is under way stays for the next life. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#current?.stop();
    await this.#working;
  }

  #isUnderWay(rewrap: KeyRewrap): boolean {
    return rewrap === this.#current || this.#waiting.includes(rewrap);
  }

  #enqueue(task: RewrapTask): KeyRewrap {
    const rewrap = new KeyRewrap(this.#registry, task);
    const keyName = keyOf(task.from);
    this.#rewraps.delete(keyName);
    this.#rewraps.set(keyName, rewrap);
    this.#waiting.push(rewrap);
    this.#forgetOldest();
    this.#goOn();
    return rewrap;
  }

  #goOn(): void {
    if (this.#waiting.length === 0 || this.#isClosed) return;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
      this.#goOn();
    });
  }

  async #work(): Promise<void> {
    for (let rewrap = this.#waiting.shift(); rewrap; rewrap = this.#waiting.shift()) {
      this.#current = rewrap;
      const isOver = await rewrap.run();
      if (isOver) await this.#end(rewrap);
      this.#current = null;
      if (this.#isClosed) return;
    }
  }

  async #end({ task, progress }: KeyRewrap): Promise<void> {
    const { log } = this.#registry.ports;
    const { state, moved, refused } = progress;
    log.info({ from: task.from, to: task.to, state, moved, refused }, 'a rewrap has ended');
    try {
      await this.#journal.ended(progress);
      await this.#store(keyOf(task.from), null);
    } catch (error) {
      log.warn(
        { err: error, from: task.from },
        'a rewrap has ended, and will once more at a start',
      );
    }
  }

  async #store(keyName: string, value: Uint8Array | null): Promise<void> {
    try {
      await this.#registry.ports.meta.txn([], [{ key: prefix + keyName, value }]);
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  #forgetOldest(): void {
    for (const [keyName, rewrap] of this.#rewraps) {
      if (this.#rewraps.size <= endedMax) return;
      if (!this.#isUnderWay(rewrap)) this.#rewraps.delete(keyName);
    }
  }
}

const keyOf = (name: string): string => name.split('/cryptoKeyVersions/')[0]!;
