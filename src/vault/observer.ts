import type { LayerKeyUse } from '../envelope/index.ts';
import type { KeyPlace, KeyState } from './keys/key-state.ts';
import type { StartOutcome, StartTimes } from './instances/instances.ts';
import type { RevisionName } from './services/service.ts';

/** What metrics are made of. Calls must return at once and not throw. */
export interface VaultObserver {
  started(revision: RevisionName, outcome: StartOutcome, times: StartTimes | null): void;
  stopped(revision: RevisionName, why: string): void;
  request(revision: RevisionName, status: number, ms: number): void;
  keyCall(purpose: LayerKeyUse, code: string, ms: number): void;
  keyState(place: KeyPlace, state: KeyState): void;
  imported(
    outcome: 'imported' | 'failed',
    bytes: number,
    deduplicatedBytes: number,
    ms: number,
  ): void;
  logLinesDropped(count: number): void;
}
