import type { FailpointName } from '../../src/runtime/index.ts';

/** What a victim of the campaign on the life of a key is told. */
export interface KmsVictimOrders {
  readonly dataDir: string;
  /** Opens the root key where it is sealed by a passphrase. */
  readonly passphraseFile: string;
  /** How far its clock is ahead of the real one. */
  readonly leadMs: number;
  /** Where it kills itself from its first instruction on; null: nowhere until it is told. */
  readonly failpoint: FailpointName | null;
  /** At which hit of the failpoint, from 1. */
  readonly hit: number;
}
