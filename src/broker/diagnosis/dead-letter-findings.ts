import type { Finding } from '../service.ts';
import { counted } from './plain-words.ts';
import type { SubscriptionFacts } from './subscription-facts.ts';

/** What fails too often cannot leave. */
export function deadLettersKept({ deadLetters }: SubscriptionFacts): Finding | null {
  if (deadLetters === null) return null;
  const { failure, isMissing, maxDeliveryAttempts, topic } = deadLetters;
  if (isMissing) {
    return {
      severity: 'warning',
      reason: 'DEAD_LETTER_TOPIC_MISSING',
      message: `The dead letter topic ${topic} does not exist: messages stay and come again, also those that failed ${maxDeliveryAttempts} times.`,
    };
  }
  if (failure === null) return null;
  return {
    severity: 'warning',
    reason: 'DEAD_LETTERS_REFUSED',
    message: `Messages that failed ${maxDeliveryAttempts} times stay and come again, as they cannot be brought to ${topic}. ${failure.reason}: ${failure.message}`,
  };
}

export function deadLettersUnread({ deadLetters }: SubscriptionFacts): Finding | null {
  if (deadLetters === null || !deadLetters.isUnread) return null;
  return {
    severity: 'warning',
    reason: 'DEAD_LETTER_TOPIC_UNREAD',
    message: `No subscription reads the dead letter topic ${deadLetters.topic}: what failed ${deadLetters.maxDeliveryAttempts} times, nobody will get.`,
  };
}

export function heldByOrder({ waiting }: SubscriptionFacts): Finding | null {
  if (waiting.orderCount === 0) return null;
  return {
    severity: 'info',
    reason: 'HELD_BY_ORDER',
    message: `${counted(waiting.orderCount, 'message')} of those looked at so far must wait for an earlier one of the same ordering key.`,
  };
}

export function delayedByRetry({ waiting }: SubscriptionFacts): Finding | null {
  if (waiting.retryCount === 0) return null;
  return {
    severity: 'info',
    reason: 'DELAYED_BY_RETRY',
    message: `${counted(waiting.retryCount, 'message')} failed and must wait as long as the retry policy says.`,
  };
}
