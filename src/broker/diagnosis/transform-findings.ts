import type { Finding } from '../service.ts';
import { counted } from './plain-words.ts';
import type { SubscriptionFacts } from './subscription-facts.ts';

/** What is wrong with what runs transforms. */
export function transformsUnavailable({ transforms }: SubscriptionFacts): Finding | null {
  if (!transforms.isStalled) return null;
  return {
    severity: 'error',
    reason: 'TRANSFORMS_UNAVAILABLE',
    message:
      'Nothing is delivered, as the message transforms of the subscription cannot be run; they are tried again.',
  };
}

/** A failure's own words may hold parts of messages: they are told only where those may be read. */
export function transformFailing({ transforms, deadLetters }: SubscriptionFacts): Finding | null {
  const { failingCount } = transforms;
  if (failingCount === 0) return null;
  const next =
    deadLetters === null
      ? 'each comes again with growing delays: change the transforms, or set a dead letter policy'
      : 'each comes again until it goes to the dead letter topic, with what went wrong in an attribute';
  return {
    severity: 'warning',
    reason: 'TRANSFORM_FAILING',
    message: `The message transforms of the subscription failed for ${counted(failingCount, 'message')}; ${next}.`,
  };
}
