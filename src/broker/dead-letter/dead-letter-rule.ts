import { notFound } from '../errors.ts';
import { invalidArgument } from '../limits.ts';
import type { DeadLetterPolicy } from '../service.ts';
import type { TopicState } from '../topic-state.ts';

/**
 * Refuses a dead letter policy that names no topic, NOT_FOUND, or that would bring a message back to
 * the topic that it came from, over whatever other subscriptions, INVALID_ARGUMENT.
 *
 * It holds for good where it is asked for every policy that is set, one after the other: a path
 * from topic to topic only ever grows by a policy, for a topic that is new has no subscription.
 *
 * @param topic - what the subscription reads, if it is not detached; a deleted topic closes no circle.
 * @param topics - those that can be published to, by name.
 */
export function checkDeadLetterPolicy(
  policy: DeadLetterPolicy | undefined,
  topic: TopicState | undefined,
  topics: ReadonlyMap<string, TopicState>,
): void {
  if (policy === undefined) return;
  const target = topics.get(policy.deadLetterTopic);
  if (target === undefined) throw notFound(policy.deadLetterTopic);
  if (topic !== undefined && leadsTo(topic, target, topics)) {
    throw invalidArgument(
      'dead_letter_policy.dead_letter_topic: must not be the topic of the subscription, nor one whose own dead letters come back to it',
    );
  }
}

/** Whether dead letters that reach `start` can go on to `goal`. */
function leadsTo(
  goal: TopicState,
  start: TopicState,
  topics: ReadonlyMap<string, TopicState>,
): boolean {
  const seen = new Set<TopicState>();
  const ahead: (TopicState | undefined)[] = [start];
  while (ahead.length > 0) {
    const topic = ahead.pop();
    if (topic === goal) return true;
    if (topic === undefined || seen.has(topic)) continue;
    seen.add(topic);
    for (const { row } of topic.subscriptions) {
      if (row.deadLetterPolicy !== undefined) {
        ahead.push(topics.get(row.deadLetterPolicy.deadLetterTopic));
      }
    }
  }
  return false;
}
