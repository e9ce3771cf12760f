import type { Subscription } from '../../../src/broker/index.ts';
import { RpcError } from '../../../src/rpc/index.ts';
import { assert } from '../../../src/runtime/index.ts';
import { subscriptionDefaults, subscriptionName, topicName } from '../../support/broker-harness.ts';
import type { World } from '../driver/world.ts';
import { everyMessage, modelFilters } from '../model/filters.ts';
import { ModelSubscription } from '../model/subscription.ts';
import type { Terms } from '../model/terms.ts';
import { ModelTopic } from '../model/topic.ts';
import { assertEnded } from './taking.ts';

/** Where dead letters go, with one subscription that nobody disturbs: it is read at the end. */
export const graveyard: string = topicName('graveyard');
export const collector: string = subscriptionName('collector');

const pushConfig = { endpoint: 'http://push.test/', attributes: {} };

/** Seldom the one that dead letters go to. */
export function anyTopic(world: World): ModelTopic | undefined {
  const others = [...world.topics.values()].filter(({ name }) => name !== graveyard);
  return world.one(others.length > 0 && !world.chance(6) ? others : world.topics.values());
}

export async function createTopic(world: World): Promise<void> {
  if (world.topics.size >= 4) return;
  const isSealedByCustomer = world.dice.below(3) > 0;
  const key = isSealedByCustomer ? await world.harness.createKey() : undefined;
  const messageRetentionMs = world.one([undefined, undefined, 600_000, 86_400_000]);
  const name = topicName(`topic-${world.number()}`);
  world.say(`${name}${key ? ' with a key' : ''}, retention ${messageRetentionMs ?? 'none'}`);
  await makeTopic(world, new ModelTopic(name, key?.version, messageRetentionMs), key?.name);
}

export async function makeTopic(
  world: World,
  topic: ModelTopic,
  kmsKeyName?: string,
): Promise<void> {
  const { name, retentionMs } = topic;
  const more = {
    ...(kmsKeyName !== undefined && { kmsKeyName }),
    ...(retentionMs !== undefined && { messageRetentionMs: retentionMs }),
  };
  const isMade = await attempted(world, name, async () => {
    await world.broker.createTopic({ name, labels: {}, ...more });
  });
  if (isMade) world.topics.set(name, topic);
}

/**
 * A change that the disk may leave half done: asks what became of it. Answers whether it happened.
 */
async function attempted(
  world: World,
  name: string,
  change: () => Promise<void>,
): Promise<boolean> {
  await world.join();
  const forecast = world.weather.forecast();
  try {
    await world.harness.until(change());
    return true;
  } catch (error) {
    forecast.excuse(error, ['draining', 'UNAVAILABLE']);
    world.say('refused');
    return await exists(world, name);
  } finally {
    forecast.over();
  }
}

export async function exists(world: World, name: string): Promise<boolean> {
  const { broker, harness } = world;
  try {
    if (name.includes('/topics/')) await harness.until(broker.getTopic(name));
    else if (name.includes('/snapshots/')) await harness.until(broker.getSnapshot(name));
    else await harness.until(broker.getSubscription(name));
    return true;
  } catch (error) {
    if (RpcError.from(error).code !== 'NOT_FOUND') throw error;
    return false;
  }
}

export async function deleteTopic(world: World): Promise<void> {
  const topic = world.one([...world.topics.values()].filter(({ name }) => name !== graveyard));
  if (topic === undefined) return;
  world.say(topic.name);
  const isDone = await attempted(world, topic.name, () => world.broker.deleteTopic(topic.name));
  if (isDone && (await exists(world, topic.name))) return;
  world.weather.begin(`gone ${topic.name}`);
  topic.isDeleted = true;
  world.topics.delete(topic.name);
}

export async function createSubscription(world: World): Promise<void> {
  if (world.topics.size < 2) await createTopic(world);
  const topic = anyTopic(world);
  if (topic === undefined || world.subscriptions.size >= 8) return;
  const name = subscriptionName(`subscription-${world.number()}`);
  const drawn = drawTerms(world);
  const terms = topic.name === graveyard ? { ...drawn, deadLetter: null } : drawn;
  const model = new ModelSubscription(name, topic, terms);
  world.say(`${name} of ${topic.name} ${storyOf(model.terms)}`);
  await makeSubscription(world, model);
}

export async function makeSubscription(world: World, model: ModelSubscription): Promise<void> {
  const { name, topic, terms } = model;
  const isMade = await attempted(world, name, async () => {
    await world.broker.createSubscription({ name, topic: topic.name, ...settingsOf(terms) });
  });
  if (!isMade) return;
  topic.subscriptions.add(model);
  world.subscriptions.set(name, model);
  world.events.forget(name);
  if (terms.isPushed) world.weather.begin(`pushed ${name}`);
  if (terms.isExactlyOnce) world.weather.begin(`exactly once ${name}`);
  if (terms.deadLetter !== null) world.topics.get(graveyard)!.hasCopies = true;
}

function drawTerms(world: World): Terms {
  const isPushed = world.chance(5);
  const hasGraveyard = world.topics.has(graveyard);
  return {
    ackDeadlineMs: world.one([10_000, 20_000, 60_000])!,
    retentionMs: world.one([60_000, 600_000, 86_400_000])!,
    retainAcked: world.chance(3),
    isOrdered: world.chance(3),
    isExactlyOnce: !isPushed && world.chance(4),
    isPushed,
    filter: world.chance(3) ? world.one(modelFilters)! : everyMessage,
    retry: world.chance(3) ? world.one(retries)! : null,
    deadLetter:
      hasGraveyard && world.chance(2)
        ? { topic: graveyard, attemptsMax: world.one([1, 1, 2, 5])! }
        : null,
  };
}

const retries: readonly Terms['retry'][] = [
  { minMs: 0, maxMs: 10_000 },
  { minMs: 1_000, maxMs: 5_000 },
  { minMs: 10_000, maxMs: 60_000 },
];

function storyOf(terms: Terms): string {
  const { retry, deadLetter, filter, ...plain } = terms;
  const parts = Object.entries(plain).map(([name, value]) => (value === true ? name : value));
  const more = [filter.text, retry && `retry ${retry.minMs}..${retry.maxMs}`];
  const all = [...parts, ...more, deadLetter && `dead after ${deadLetter.attemptsMax}`];
  return all.filter((part) => part !== false && part !== null && part !== '').join(' ');
}

function settingsOf(terms: Terms): Omit<Subscription, 'name' | 'topic'> {
  const { retry, deadLetter, filter } = terms;
  return {
    ...subscriptionDefaults,
    ackDeadlineSeconds: terms.ackDeadlineMs / 1000,
    messageRetentionMs: terms.retentionMs,
    retainAckedMessages: terms.retainAcked,
    ...(terms.isOrdered && { enableMessageOrdering: true }),
    ...(terms.isExactlyOnce && { enableExactlyOnceDelivery: true }),
    ...(terms.isPushed && { pushConfig }),
    ...(filter.text !== '' && { filter: filter.text }),
    ...(retry && { retryPolicy: { minimumBackoffMs: retry.minMs, maximumBackoffMs: retry.maxMs } }),
    ...(deadLetter && {
      deadLetterPolicy: {
        deadLetterTopic: deadLetter.topic,
        maxDeliveryAttempts: deadLetter.attemptsMax,
      },
    }),
  };
}

const isDisturbed = ({ name }: ModelSubscription): boolean => name !== collector;

export async function updateSubscription(world: World): Promise<void> {
  const model = world.one([...world.subscriptions.values()].filter(isDisturbed));
  if (model === undefined || model.isDetached) return;
  const drawn = drawTerms(world);
  if (model.topic.name === graveyard) Object.assign(drawn, { deadLetter: null });
  const [field, change] = world.one(changesOf(drawn, model.terms))!;
  const terms = { ...model.terms, ...change };
  world.say(`${field} of ${model.name}: ${storyOf(terms)}`);
  const { name, topic } = model;
  if (terms.isPushed) world.weather.begin(`pushed ${name}`);
  const isChanged = await attempted(world, name, async () => {
    const wanted = { name, topic: topic.name, ...settingsOf(terms) };
    await world.broker.updateSubscription(name, () => wanted, [field]);
  });
  if (isChanged) await adopt(world, model, terms);
}

function changesOf(drawn: Terms, now: Terms): (readonly [string, Partial<Terms>])[] {
  const { ackDeadlineMs, retentionMs, retainAcked, retry, deadLetter } = drawn;
  return [
    ['ack_deadline_seconds', { ackDeadlineMs }],
    ['message_retention_duration', { retentionMs }],
    ['retain_acked_messages', { retainAcked }],
    ['retry_policy', { retry }],
    ['dead_letter_policy', { deadLetter }],
    ...(now.isPushed ? [] : [['enable_exactly_once_delivery', exactlyOnce(drawn)] as const]),
    ...(now.isExactlyOnce ? [] : [['push_config', { isPushed: drawn.isPushed }] as const]),
  ];
}

const exactlyOnce = ({ isExactlyOnce }: Terms): Partial<Terms> => ({ isExactlyOnce });

/** After a change, or a change of unknown fate: as the broker itself says it is. */
async function adopt(world: World, model: ModelSubscription, wanted: Terms): Promise<void> {
  const row = await world.harness.until(world.broker.getSubscription(model.name));
  const isWanted = (field: keyof Subscription): boolean =>
    JSON.stringify(row[field]) === JSON.stringify((settingsOf(wanted) as Subscription)[field]);
  const terms = {
    ...wanted,
    ackDeadlineMs: row.ackDeadlineSeconds * 1000,
    retentionMs: row.messageRetentionMs,
    retainAcked: row.retainAckedMessages,
    isExactlyOnce: row.enableExactlyOnceDelivery === true,
    isPushed: row.pushConfig !== undefined,
    retry: isWanted('retryPolicy') ? wanted.retry : model.terms.retry,
    deadLetter: isWanted('deadLetterPolicy') ? wanted.deadLetter : model.terms.deadLetter,
  };
  model.change(terms);
  const mark = (is: boolean, condition: string): void =>
    is ? world.weather.begin(condition) : world.weather.end(condition);
  mark(terms.isPushed, `pushed ${model.name}`);
  mark(terms.isExactlyOnce, `exactly once ${model.name}`);
  if (terms.deadLetter !== null) world.topics.get(graveyard)!.hasCopies = true;
  else world.ledger.excuse(model.name);
}

export async function deleteSubscription(world: World): Promise<void> {
  const model = world.one([...world.subscriptions.values()].filter(isDisturbed));
  if (model === undefined) return;
  const { name, topic } = model;
  world.say(name);
  world.weather.begin(`gone ${name}`);
  const isDone = await attempted(world, name, () => world.broker.deleteSubscription(name));
  if (isDone && (await exists(world, name))) {
    world.weather.end(`gone ${name}`);
    return;
  }
  model.isDeleted = true;
  topic.subscriptions.delete(model);
  world.subscriptions.delete(name);
  world.events.forget(name);
  world.ledger.excuse(name);
  assertEnded(world, model, 'NOT_FOUND');
  world.held = world.held.filter(({ subscription }) => subscription !== model);
}

export async function detachSubscription(world: World): Promise<void> {
  const model = world.one([...world.subscriptions.values()].filter(isDisturbed));
  if (model === undefined || model.isDetached) return;
  const { name } = model;
  world.say(name);
  world.weather.begin(`detached ${name}`);
  await attempted(world, name, () => world.broker.detachSubscription(name));
  const { detached } = await world.harness.until(world.broker.getSubscription(name));
  if (detached !== true) {
    world.weather.end(`detached ${name}`);
    return;
  }
  model.detach();
  world.ledger.excuse(name);
  assertEnded(world, model, 'FAILED_PRECONDITION');
  assert(model.entries.size === 0, 'nothing is left of what was detached');
}

export async function updateTopic(world: World): Promise<void> {
  const topic = world.one(world.topics.values());
  if (topic === undefined) return;
  const messageRetentionMs = world.one([undefined, 600_000, 86_400_000]);
  const { name } = topic;
  world.say(`${name}: retention ${messageRetentionMs ?? 'none'}`);
  const wanted = {
    name,
    labels: {},
    ...(messageRetentionMs !== undefined && { messageRetentionMs }),
  };
  await attempted(world, name, async () => {
    await world.broker.updateTopic(name, () => wanted, ['message_retention_duration']);
  });
  const row = await world.harness.until(world.broker.getTopic(name));
  topic.retentionMs = row.messageRetentionMs;
}
