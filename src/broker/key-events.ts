import type { DekEvent } from '../envelope/index.ts';
import type { Registry } from './registry.ts';

/** Tells topics, their subscriptions and whoever listens that a key was taken away or given back. */
export class KeyEvents {
  readonly #registry: Registry;
  readonly #listeners: Set<(subscription: string) => void> = new Set();
  readonly #stop: () => void;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#stop = registry.ports.deks.onEvent((event) => this.#onEvent(event));
  }

  /** `listener` is told of each subscription whose topic's key was revoked, until cancelled. */
  onRevoked(listener: (subscription: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#stop();
  }

  #onEvent(event: DekEvent): void {
    const topic = this.#registry.topicOfUid(event.topicName, event.topicUid);
    if (topic === undefined) return;
    if (event.kind === 'revoked') {
      topic.key.revoked();
      topic.transforms.forget();
      for (const subscription of topic.leaving) subscription.cutPush();
    } else void topic.key.health();
    for (const subscription of topic.subscriptions) {
      void subscription.keyChanged(event.kind);
      if (event.kind === 'revoked') this.#tellRevoked(subscription.row.name);
    }
  }

  #tellRevoked(subscription: string): void {
    for (const listener of this.#listeners) listener(subscription);
  }
}
