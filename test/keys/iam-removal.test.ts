import { expect, test } from 'vitest';

import { freshId, LiveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { LivePolicies } from '../support/live-policies.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const grpc = liveGrpc(live);
const keys = new LiveKeys(() => live.url);
const policies = new LivePolicies(() => live.url);

const ways = ['its id', 'its number'] as const;

/**
 * The seed: removing the role "affects all Pub/Sub topics and subscriptions of the project that
 * contain messages encrypted with CMEK".
 */
test.for(ways)(
  'a role that is removed from a project, by %s, stops every topic under its keys, and no other',
  async (way, { annotate }) => {
    const keeper = `projects/${freshId('keeper')}`;
    const namesake = `${keeper}2`;
    const api = new LiveApi(grpc, `projects/${freshId('tenant')}`);
    const agent = await policies.pubsubAgent(api.project);
    const byNumber = `projects/${await policies.number(keeper)}`;
    for (const project of [keeper, namesake]) await policies.grant(project, agent);
    const keyed = async (project: string): Promise<string> =>
      await api.topic({ kmsKeyName: (await keys.create(project)).name });
    const stopped = [await keyed(keeper), await keyed(keeper), await keyed(keeper)];
    const served = [await keyed(namesake), await api.topic()];
    const subscribe = async (topic: string): Promise<string> => {
      const subscription = await api.subscription(topic);
      await api.publish(topic, 'before');
      return subscription;
    };
    const streams = [];
    for (const topic of stopped) {
      const subscription = await subscribe(topic);
      const stream = grpc.stream({ subscription, streamAckDeadlineSeconds: 600 });
      await stream.untilMessages(1);
      streams.push(stream);
    }
    const others = [];
    for (const topic of served) others.push(await subscribe(topic));

    const removedMs = performance.now();
    await policies.revoke(way === 'its id' ? keeper : byNumber, agent);
    // Nothing but the removal ends them: the clock does not jump, and no DEK's six minutes pass.
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    for (const end of ends) expect(end.code).toBe('FAILED_PRECONDITION');
    const lastByteMs = Math.max(
      ...ends.map(({ atMs }) => atMs),
      ...streams.map((stream) => stream.lastByteMs),
    );
    await annotate(`last byte ${(lastByteMs - removedMs).toFixed(1)} ms after the call began`);
    for (const topic of stopped) {
      const refusal = await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] });
      expect(refusal.code).toBe('FAILED_PRECONDITION');
    }
    for (const subscription of others) {
      expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['before']);
    }
    for (const topic of served) await api.publish(topic, 'after');

    await policies.grant(keeper, agent);
    for (const topic of stopped) await api.publish(topic, 'restored');
  },
);
