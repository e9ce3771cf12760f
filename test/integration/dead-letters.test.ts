import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { base64, liveApi, textOf, type Pulled } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { answer, PushEndpoint } from '../support/push-endpoint.ts';
import type { Json } from '../support/wire.ts';

const live = useLiveServer();
const sent = { data: base64('soup'), attributes: { table: '7' }, orderingKey: 'key' };

const origin = (subscription: string, failures: number): Json => {
  const [, project, , id] = subscription.split('/');
  return {
    table: '7',
    CloudPubSubDeadLetterSourceDeliveryCount: String(failures),
    CloudPubSubDeadLetterSourceSubscription: id,
    CloudPubSubDeadLetterSourceSubscriptionProject: project,
    CloudPubSubDeadLetterSourceTopicPublishTime: expect.stringMatching(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/,
    ),
  };
};

describe.each(['REST', 'gRPC'] as const)('over %s', (wire) => {
  const api = liveApi(live, wire, 'letters');

  test('what is given back as often as the policy says goes to the dead letter topic', async () => {
    const deadLetterTopic = await api.topic();
    const clerk = await api.subscription(deadLetterTopic);
    const topic = await api.topic();
    const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts: 5 };
    const kitchen = await api.subscription(topic, { deadLetterPolicy });
    await api.call('Publish', { topic, messages: [sent] });
    for (let attempt = 1; attempt <= 5; attempt++) {
      const [pulled] = await api.pull(kitchen, 1);
      expect(pulled?.deliveryAttempt).toBe(attempt);
      const ackIds = [pulled!.ackId];
      await api.call('ModifyAckDeadline', {
        subscription: kitchen,
        ackIds,
        ackDeadlineSeconds: 0,
      });
    }
    const [letter] = (await api.pull(clerk, 1)) as [Pulled];
    expect(textOf(letter)).toBe('soup');
    expect(letter.message).toMatchObject({ orderingKey: 'key', attributes: origin(kitchen, 5) });
    expect(letter).not.toHaveProperty('deliveryAttempt');
    await live.restart();
    expect(await api.pullOnce(kitchen)).toEqual([]);
  });
});

describe('pushed', () => {
  const api = liveApi(live, 'gRPC', 'pushed-letters');
  let endpoint: PushEndpoint;

  beforeEach(async () => {
    endpoint = new PushEndpoint();
    await endpoint.start();
  });
  afterEach(async () => {
    await endpoint.stop();
  });

  test('what an endpoint refuses as often as the policy says goes to the dead letter topic', async () => {
    endpoint.respond = ({ response }) => answer(response, 500);
    const deadLetterTopic = await api.topic();
    const clerk = await api.subscription(deadLetterTopic);
    const topic = await api.topic();
    const hook = await api.subscription(topic, {
      deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
      pushConfig: { pushEndpoint: endpoint.url },
    });
    await api.call('Publish', { topic, messages: [sent] });
    for (let attempt = 1; attempt <= 5; attempt++) {
      await endpoint.untilCount(attempt);
      // Past the pause of push; until the answer is judged there is none.
      while (attempt < 5 && endpoint.requests.length === attempt) await live.pass(5_000);
    }
    const [letter] = (await api.pull(clerk, 1)) as [Pulled];
    expect(letter.message).toMatchObject({ orderingKey: 'key', attributes: origin(hook, 5) });
    const attempts = endpoint.requests.map(
      ({ body }) => (JSON.parse(body.toString()) as Json)['deliveryAttempt'],
    );
    expect(attempts).toEqual([1, 2, 3, 4, 5]);
    await api.call('DeleteSubscription', { subscription: hook });
  });
});
