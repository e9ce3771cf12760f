import { expect, test } from 'vitest';

import { freshId } from '../support/live-api.ts';
import { Inbox, NodeClient } from '../support/node-client.ts';
import { useTestedServer } from '../support/tested-server.ts';

const live = useTestedServer();
const client = new NodeClient(live, 'transform-client');

const udf = (functionName: string, body: string): object => ({
  javascriptUdf: { functionName, code: `function ${functionName}(message) { ${body} }` },
});

test('the official client makes a topic and a subscription with transforms, and gets what they make', async () => {
  const { pubsub } = client;
  const [topic] = await pubsub.createTopic({
    name: freshId('topic'),
    messageTransforms: [
      udf('sieve', "return message.data === 'chaff' ? null : message;"),
      udf('judge', "if (message.data === 'stone') throw new Error('a stone'); return message;"),
    ],
  });
  const [subscription] = await topic.createSubscription(freshId('subscription'), {
    messageTransforms: [udf('louder', 'return { ...message, data: message.data.toUpperCase() };')],
  });
  const inbox = new Inbox(subscription);
  await topic.publishMessage({ data: Buffer.from('chaff') });
  const id = await topic.publishMessage({ data: Buffer.from('soup'), attributes: { a: 'b' } });
  await inbox.count(1);
  const [message] = inbox.messages;
  expect(message).toMatchObject({ id, attributes: { a: 'b' } });
  expect(message!.data.toString()).toBe('SOUP');
  await expect(topic.publishMessage({ data: Buffer.from('stone') })).rejects.toThrow(/a stone/);
  await subscription.close();
});
