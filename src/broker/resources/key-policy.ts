import type { Finding } from '../service.ts';

/** A topic and the key that it is to have; undefined: the service's own. */
export interface KeyedTopic {
  /** `projects/P/topics/T`. */
  readonly name: string;
  readonly kmsKeyName?: string | undefined;
}

/**
 * What the operator demands of topics' keys. Asked when a topic is created, and when its key is
 * changed or removed; topics that are there already are let be.
 */
export interface KeyPolicy {
  /** @throws RpcError FAILED_PRECONDITION if the topic may not have this key, or none */
  require(topic: KeyedTopic, method: 'CreateTopic' | 'UpdateTopic'): Promise<void>;
  /** Before the key is tried: lets the topic's service agent use it, where the server does that. */
  prepare(topic: KeyedTopic): Promise<void>;
  /** What a topic that is there would be refused for. */
  findings(topic: KeyedTopic): Promise<readonly Finding[]>;
}

export const noKeyPolicy: KeyPolicy = {
  require: async () => undefined,
  prepare: async () => undefined,
  findings: async () => [],
};
