/** Why the storage refused: the disk is full, read only, failing, or the store is closed. */
export type StorageFault = 'full' | 'readOnly' | 'io' | 'closed' | 'inUse';

/** A write that did not happen. Nothing of the call landed, and what was stored before is intact. */
export class StorageError extends Error {
  override name = 'StorageError';
  readonly fault: StorageFault;

  constructor(fault: StorageFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
