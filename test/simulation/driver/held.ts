import type { ModelSubscription } from '../model/subscription.ts';

/** A delivery that somebody may settle: at once, late, twice, or after a restart or a seek. */
export interface Held {
  readonly subscription: ModelSubscription;
  readonly text: string;
  readonly ackId: string;
  readonly generation: number;
  /** It came beside a seek, before or after it. */
  readonly isAmbiguous: boolean;
}

/** Whether seeks left the id its meaning; nobody can say of one that came beside a seek. */
export function standingOf(held: Held): 'current' | 'unclear' | 'void' {
  const age = held.subscription.generation - held.generation;
  if (age >= (held.isAmbiguous ? 2 : 1)) return 'void';
  return held.isAmbiguous || age > 0 ? 'unclear' : 'current';
}
