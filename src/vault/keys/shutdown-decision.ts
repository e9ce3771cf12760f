import type { Revision } from '../services/service.ts';
import type { KeyPlace, KeyState } from './key-state.ts';

/** Of a service that names none, and of every one whose external manager refuses for good. */
const hoursDefault = 1;

/** The place whose key a revision's instances need; null: it has none of its own. */
export function placeOf({ name, settings }: Revision): KeyPlace | null {
  const { encryption } = settings;
  return encryption === null ? null : { project: name.project, key: encryption.key };
}

/**
 * When a revision's instances are to end because of a key's state, wall ms; null: it starts no
 * clock.
 *
 * - `shut-down`: its hours after the revocation was detected, whatever the cause.
 * - `prevent-new`, or nothing chosen: never, but an hour after an external manager refused for
 *   good: Cloud Run ends instances after the waiting period there whatever was chosen.
 * - A quota that is used up, or a key that cannot be asked about, starts no clock.
 */
export function deadlineOf(revision: Revision, state: KeyState, hourMs: number): number | null {
  const { encryption } = revision.settings;
  if (encryption === null || state.condition !== 'REVOKED') return null;
  const isShutDown = encryption.action === 'shut-down';
  if (!isShutDown && state.cause !== 'external') return null;
  const detectedMs = isShutDown ? state.sinceMs : (state.causeSinceMs ?? state.sinceMs);
  const hours = (isShutDown ? encryption.shutdownHours : undefined) ?? hoursDefault;
  // A revision that was made under a revoked key has its whole time too.
  return Math.max(detectedMs, revision.createdMs) + hours * hourMs;
}

/** What the owner reads when a state begins. */
export function noteOf(state: KeyState): { severity: 'INFO' | 'WARNING' | 'ERROR'; text: string } {
  switch (state.condition) {
    case 'ENABLED':
      return { severity: 'INFO', text: 'The CMEK key can be used again.' };
    case 'REVOKED':
      return { severity: 'ERROR', text: state.message };
    case 'THROTTLED':
      return { severity: 'ERROR', text: `RESOURCE_EXHAUSTED: ${state.message}` };
    default:
      return { severity: 'WARNING', text: state.message };
  }
}
