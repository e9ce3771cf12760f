import { Gauge, type Registry } from 'prom-client';
import type { BacklogReport } from '../broker/index.ts';
import type { StoreStats } from '../storage/index.ts';
import { labelsOfSubscription, subscriptionLabels } from './resource-labels.ts';
import { resourcesMax } from './resource-rows.ts';

/** Where things stand now; asked once per scrape, and cheap. */
export interface MetricsSource {
  backlogs(): Promise<readonly BacklogReport[]>;
  storeStats(): StoreStats;
  /** Plaintext bytes held in memory: opened segments, unsent deliveries. */
  openedBytes(): number;
}

interface BacklogGauge {
  readonly name: string;
  readonly help: string;
  readonly value: (backlog: BacklogReport) => number;
}

const backlogGauges: readonly BacklogGauge[] = [
  {
    name: 'pubsub_subscription_num_undelivered_messages',
    help: 'Messages not yet acknowledged, outstanding ones included.',
    value: (backlog) => backlog.unackedCount,
  },
  {
    name: 'pubsub_subscription_num_unacked_messages',
    help: 'The older name of num_undelivered_messages.',
    value: (backlog) => backlog.unackedCount,
  },
  {
    name: 'pubsub_subscription_oldest_unacked_message_age',
    help: 'Seconds since the publish of the oldest message not yet acknowledged; 0 without any.',
    value: (backlog) => backlog.oldestUnackedAgeSeconds,
  },
  {
    name: 'sealpost_subscription_outstanding_messages',
    help: 'Messages delivered whose deadline has not passed.',
    value: (backlog) => backlog.outstandingCount,
  },
];

/**
 * Registers every gauge; each is computed when it is scraped. Returns what to call before a scrape:
 * it asks for the backlogs once, for the four gauges that show them.
 */
export function registerGauges(registry: Registry, source: MetricsSource): () => Promise<void> {
  let backlogs: readonly BacklogReport[] = [];
  for (const gauge of backlogGauges) registerBacklogGauge(registry, gauge, () => backlogs);
  registerNumber(
    registry,
    'sealpost_store_disk_bytes',
    'Bytes that the data files take on disk.',
    () => source.storeStats().diskBytes,
  );
  registerNumber(
    registry,
    'sealpost_store_segments',
    'Segments stored now.',
    () => source.storeStats().segmentCount,
  );
  registerNumber(registry, 'sealpost_plaintext_bytes', 'Plaintext bytes held in memory now.', () =>
    source.openedBytes(),
  );
  return async () => {
    backlogs = (await source.backlogs()).slice(0, resourcesMax);
  };
}

function registerBacklogGauge(
  registry: Registry,
  gauge: BacklogGauge,
  backlogs: () => readonly BacklogReport[],
): void {
  const { name, help, value } = gauge;
  const registered: Gauge = new Gauge({
    name,
    help,
    labelNames: [...subscriptionLabels],
    registers: [registry],
    collect(): void {
      registered.reset();
      for (const backlog of backlogs()) {
        registered.set(labelsOfSubscription(backlog.subscription), value(backlog));
      }
    },
  });
}

function registerNumber(registry: Registry, name: string, help: string, value: () => number): void {
  const registered: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect: () => registered.set(value()),
  });
}
