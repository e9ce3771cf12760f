import type { Registry } from '../registry.ts';
import { noKeyPolicy } from '../resources/key-policy.ts';
import { deletedTopic } from '../resources/shown-resources.ts';
import type { Finding, KeyHealth, SubscriptionDiagnosis, TopicDiagnosis } from '../service.ts';
import { keyAnswer } from '../lanes/key-answer.ts';
import { deadLetterFacts } from './dead-letter-facts.ts';
import { counted } from './plain-words.ts';
import { detachedDiagnosis } from './detached-diagnosis.ts';
import { subscriptionFacts } from './subscription-facts.ts';
import { subscriptionFindings } from './subscription-findings.ts';

/** Says in plain words why a topic or a subscription moves or stands still. */
export class Diagnostician {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Of a stored, a detached or an ephemeral one. Throws NOT_FOUND. */
  async subscription(name: string): Promise<SubscriptionDiagnosis> {
    const detached = this.#registry.detached.get(name);
    if (detached !== undefined) return detachedDiagnosis(this.#registry, detached);
    const { deletedTopics, ports } = this.#registry;
    const state = this.#registry.anySubscription(name);
    const isTopicDeleted = deletedTopics.has(state.row.topicUid);
    const deadLetters = deadLetterFacts(this.#registry, state.row);
    const of = { isTopicDeleted, deadLetters };
    const facts = await subscriptionFacts(state, of, ports.clock);
    return {
      subscription: name,
      topic: isTopicDeleted ? deletedTopic : state.topic.row.name,
      unackedCount: facts.unackedCount,
      oldestUnackedAgeSeconds: facts.oldestUnackedAgeSeconds,
      outstandingCount: facts.outstandingCount,
      streamCount: facts.streamCount,
      heldStreamCount: facts.streamCount - (facts.streams.ok ?? 0),
      key: facts.key,
      push: facts.push,
      findings: subscriptionFindings(facts),
    };
  }

  /** Throws NOT_FOUND. */
  async topic(name: string): Promise<TopicDiagnosis> {
    const state = this.#registry.topic(name);
    const key = await keyAnswer(state.key, this.#registry.ports.clock);
    const subscriptionCount = state.subscriptions.size;
    const policy = this.#registry.ports.keyPolicy ?? noKeyPolicy;
    const excluded = await policy.findings(state.row);
    const findings = topicFindings(key, subscriptionCount, excluded);
    return { topic: name, subscriptionCount, key, findings };
  }
}

function topicFindings(
  key: KeyHealth,
  subscriptionCount: number,
  excluded: readonly Finding[],
): Finding[] {
  const findings: Finding[] = [];
  if (!key.isUsable) {
    const message = `Nothing is published or delivered, as the key of the topic cannot be used. ${key.reason}: ${key.message}`;
    findings.push({ severity: 'error', reason: 'KEY_UNUSABLE', message });
  }
  if (subscriptionCount === 0) {
    const message = 'No subscription reads the topic: what is published now, nobody will get.';
    findings.push({ severity: 'warning', reason: 'TOPIC_UNREAD', message });
  }
  findings.push(...excluded);
  if (findings.length > 0) return findings;
  const message = `What is published goes to ${counted(subscriptionCount, 'subscription')}.`;
  return [{ severity: 'info', reason: 'TOPIC_READY', message }];
}
