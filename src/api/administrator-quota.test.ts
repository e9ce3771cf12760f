import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';

import { RecordingBroker } from '../../test/support/recording-broker.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { operator } from '../iam/index.ts';
import { Publisher, Subscriber, type TopicSchema } from '../proto/google/pubsub/v1/pubsub_pb.ts';
import { SchemaService } from '../proto/google/pubsub/v1/schema_pb.ts';
import { RpcError } from '../rpc/index.ts';
import { AdministratorQuota } from './administrator-quota.ts';
import { pubsubOperations } from './audit/pubsub-operations.ts';
import type { ApiCall, ApiMethod } from './method.ts';
import { publisherMethods } from './pubsub/publisher-methods.ts';
import { subscriberMethods } from './pubsub/subscriber-methods.ts';

const { signal } = new AbortController();
const call: ApiCall = { principal: operator, forceDestroy: false, signal };

/** A quota, and its way of creating topics. */
function open(perMinute: number): {
  clock: VirtualClock;
  methods: ApiMethod[];
  createTopic: (project: string, as?: ApiCall) => Promise<'made' | RpcError>;
} {
  const clock = new VirtualClock();
  const broker = new RecordingBroker();
  const all = [...publisherMethods(broker), ...subscriberMethods(broker, new SeededEntropy(1))];
  const methods = new AdministratorQuota(perMinute, clock).limited(all);
  const { desc, call: run } = methods.find((each) => each.desc.name === 'CreateTopic')!;
  let count = 0;
  const createTopic = async (project: string, as = call): Promise<'made' | RpcError> => {
    const name = `projects/${project}/topics/topic-${++count}`;
    const topic: MessageInitShape<typeof TopicSchema> = { name };
    try {
      await run(create(desc.input, topic as never), as);
      return 'made';
    } catch (error) {
      return error as RpcError;
    }
  };
  return { clock, methods, createTopic };
}

test('a minute’s calls may come at once; then one is let in as often as the minute has room for', async () => {
  const { clock, createTopic } = open(6);
  for (let i = 0; i < 6; i++) expect(await createTopic('p-one')).toBe('made');
  const refusal = (await createTopic('p-one')) as RpcError;
  expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'RATE_LIMIT_EXCEEDED' });
  expect(refusal.message).toBe(
    "Quota exceeded for quota metric 'pubsub.googleapis.com/administrator' and limit " +
      "'administrator per minute per project' of service 'pubsub.googleapis.com' for consumer 'project:p-one'.",
  );
  expect(refusal.details).toContainEqual(expect.objectContaining({ retryDelay: '10.000s' }));
  await clock.advance(9_999);
  expect(await createTopic('p-one')).toMatchObject({ reason: 'RATE_LIMIT_EXCEEDED' });
  await clock.advance(1);
  expect(await createTopic('p-one')).toBe('made');
  expect(await createTopic('p-one')).toMatchObject({ reason: 'RATE_LIMIT_EXCEEDED' });
  await clock.advance(60_000);
  for (let i = 0; i < 6; i++) expect(await createTopic('p-one')).toBe('made');
});

test('one project does not pay for another, nor anybody for what the process asks of itself', async () => {
  const { createTopic } = open(1);
  expect(await createTopic('p-one')).toBe('made');
  expect(await createTopic('p-two')).toBe('made');
  expect(await createTopic('p-one')).toMatchObject({ reason: 'RATE_LIMIT_EXCEEDED' });
  expect(await createTopic('p-one', { ...call, isOwn: true })).toBe('made');
});

test('0 sets no limit', async () => {
  const { createTopic } = open(0);
  for (let i = 0; i < 50; i++) expect(await createTopic('p-one')).toBe('made');
});

test('every method of Pub/Sub is counted, but for those that move messages', () => {
  const moving = ['Publish', 'Pull', 'StreamingPull', 'Acknowledge', 'ModifyAckDeadline'];
  const all = [Publisher, Subscriber, SchemaService].flatMap(({ methods }) => methods);
  const counted = all.filter(({ name }) => pubsubOperations[name] !== undefined);
  const left = all.filter((each) => !counted.includes(each)).map(({ name }) => name);
  expect(left.toSorted()).toEqual(moving.toSorted());
});
