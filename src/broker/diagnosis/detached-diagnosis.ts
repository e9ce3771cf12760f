import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { Registry } from '../registry.ts';
import { shownDetached } from '../resources/shown-resources.ts';
import type { SubscriptionDiagnosis } from '../service.ts';

/** Of a subscription of which nothing but its row is left: no key, no backlog, no readers. */
export function detachedDiagnosis(registry: Registry, row: SubscriptionRow): SubscriptionDiagnosis {
  return {
    subscription: row.name,
    topic: shownDetached(registry, row).topic,
    unackedCount: 0,
    oldestUnackedAgeSeconds: 0,
    outstandingCount: 0,
    streamCount: 0,
    heldStreamCount: 0,
    key: null,
    push: null,
    findings: [
      {
        severity: 'warning',
        reason: 'SUBSCRIPTION_DETACHED',
        message:
          'The subscription is detached from its topic: it gets no messages, and cannot be attached again. Delete it and create it anew.',
      },
    ],
  };
}
