import type { Broker, BrokerService } from '../../../src/broker/index.ts';
import type { MemoryStore } from '../../../src/storage/index.ts';

/** A bug on purpose, between the broker and what surrounds it. */
export interface Canary {
  readonly name: string;
  /** The broker as clients meet it. */
  readonly breakBroker?: (broker: Broker) => BrokerService;
  /** The disk as the broker meets it. */
  readonly breakDisk?: (disk: MemoryStore) => MemoryStore;
}
