import { StorageError, type StorageFault } from '../storage-error.ts';

/**
 * What a simulated disk does to a commit: `conflict` refuses its appends, `unknown-landed` and
 * `unknown-lost` leave the caller in doubt, a StorageFault rejects with nothing written.
 */
export type MemoryFault = 'conflict' | 'unknown-landed' | 'unknown-lost' | StorageFault;

/** Faults for the next calls of `commit` and `txn`, first in, first out. */
export class FaultPlan {
  readonly #planned: MemoryFault[] = [];

  next(...faults: readonly MemoryFault[]): void {
    this.#planned.push(...faults);
  }

  /** How many are still to come. */
  get pendingCount(): number {
    return this.#planned.length;
  }

  /** The fault of this call, if any. Throws those that reject. */
  take(): 'conflict' | 'unknown-landed' | 'unknown-lost' | null {
    const fault = this.#planned.shift();
    if (fault === undefined) return null;
    if (fault === 'conflict' || fault === 'unknown-landed' || fault === 'unknown-lost') {
      return fault;
    }
    throw new StorageError(fault, `A planned fault: ${fault}`);
  }
}
