import { sealableMessage } from '../../../src/broker/index.ts';
import { RpcError } from '../../../src/rpc/index.ts';
import { assert } from '../../../src/runtime/index.ts';
import type { World } from '../driver/world.ts';
import type { Attributes } from '../model/filters.ts';
import type { ModelMessage } from '../model/message.ts';
import type { ModelTopic } from '../model/topic.ts';
import { anyTopic } from './resources.ts';

const colors = [{}, {}, { color: 'red' }, { color: 'blue' }];
const sizes = [{}, { size: 's' }, { size: 'xl' }, { size: 'xs', 'odd key': '' }];
const keys = ['', '', 'a', 'b', 'c'];

/** Several requests at once, which share segments and commits. */
export async function publish(world: World): Promise<void> {
  const topic = anyTopic(world);
  if (topic === undefined) return;
  const count = 1 + world.dice.below(4);
  world.say(`${count} requests to ${topic.name}`);
  const requests = Array.from({ length: count }, () => publishSome(world, topic));
  await world.perform(Promise.all(requests).then(() => undefined));
}

/** One request of messages that share their ordering key. */
export function publishSome(world: World, topic: ModelTopic): Promise<void> {
  const key = world.one(keys)!;
  const messages = Array.from({ length: 1 + world.dice.below(6) }, () => newMessage(world, key));
  world.say(`${messages.map(({ text }) => text).join(' ')}${key && ` of key ${key}`}`);
  for (const message of messages) topic.publishing(message);
  const wasRevoked = topic.isRevoked;
  const forecast = world.weather.forecast();
  const answered = (ids: string[]): void => {
    forecast.over();
    const isUnlocked = !wasRevoked || forecast.seen.has(`restored ${topic.name}`);
    assert(isUnlocked, 'a publish was answered under a revoked key');
    topic.published(messages, ids, world.now.wallMs);
    world.report.published += ids.length;
  };
  const refused = (error: unknown): void => {
    forecast.over();
    forecast.excuse(
      error,
      [`revoked ${topic.name}`, 'FAILED_PRECONDITION'],
      [`gone ${topic.name}`, 'NOT_FOUND'],
      ['draining', 'UNAVAILABLE'],
    );
    world.report.refused++;
    if (RpcError.from(error).code === 'UNAVAILABLE') topic.unanswered(messages, world.now.wallMs);
    else topic.refused(messages);
  };
  return world.broker
    .publish(topic.name, messages.map(sealed))
    .then(answered, refused)
    .catch((error: unknown) => world.violated(error));
}

function newMessage(world: World, key: string): ModelMessage {
  const attributes: Attributes = { ...world.one(colors)!, ...world.one(sizes)! };
  return {
    text: `m${world.number()}`,
    padding: world.one([0, 1, 60, 1_000, 20_000])!,
    key,
    attributes,
    earliestMs: world.now.wallMs,
    latestMs: Infinity,
  };
}

function sealed({
  text,
  padding,
  attributes,
  key,
}: ModelMessage): ReturnType<typeof sealableMessage> {
  const data = Buffer.from(`${text} ${'x'.repeat(padding)}`);
  return sealableMessage({ data, attributes: Object.entries(attributes), orderingKey: key });
}
