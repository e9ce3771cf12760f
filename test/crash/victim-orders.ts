import type { FailpointName } from '../../src/runtime/index.ts';

/** What a victim is told. */
export interface VictimOrders {
  readonly dataDir: string;
  /** File to which it notes keys, appends and its own killing; outside of the data directory. */
  readonly journal: string;
  /** Its clock's milliseconds per real one. */
  readonly speed: number;
  /** The moment at which its wall clock and the real one agree, ms since the Unix epoch. */
  readonly epochMs: number;
  /** Where it kills itself, null for nowhere. */
  readonly failpoint: FailpointName | null;
  /** At which hit of the failpoint, from 1, counted once it is armed. */
  readonly hit: number;
  /** Armed from the first instruction, or by `arm` on its standard input. */
  readonly isArmedAtStart: boolean;
  /** The planted fault: a store that answers before its commit. */
  readonly answersEarly: boolean;
}
