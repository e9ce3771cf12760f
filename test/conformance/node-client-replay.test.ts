import type { PubSub } from '@google-cloud/pubsub';
import { beforeAll, describe, expect, test } from 'vitest';

import { useLiveServer } from '../support/live-server.ts';
import { Inbox, NodeClient, topicWithSubscription } from '../support/node-client.ts';

const live = useLiveServer();
const client = new NodeClient(live, 'replay');
let pubsub: PubSub;
beforeAll(() => void (pubsub = client.pubsub));

type Topic = ReturnType<PubSub['topic']>;

/** One after the other, so that publish times follow the order. */
async function publish(topic: Topic, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await topic.publishMessage({ data: Buffer.from(text) });
}

describe('snapshots', () => {
  test('are made, described, listed, labelled and deleted', async () => {
    const { subscription } = await topicWithSubscription(pubsub, 'shots');
    const [snapshot] = await subscription.createSnapshot('shot');
    expect(snapshot.name).toBe('projects/replay/snapshots/shot');
    const [snapshots] = await pubsub.getSnapshots();
    expect(snapshots.map(({ name }) => name)).toEqual([snapshot.name]);
    expect(snapshot.metadata).toMatchObject({ topic: 'projects/replay/topics/shots' });
    await expect(subscription.createSnapshot('shot')).rejects.toMatchObject({ code: 6 });
    await snapshot.delete();
    await expect(snapshot.delete()).rejects.toMatchObject({
      code: 5,
      details: 'Resource not found (resource=shot).',
    });
  });

  test('bring back what was unacknowledged when they were made, and what came after', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'rewound');
    const inbox = new Inbox(subscription);
    await publish(topic, 'acknowledged');
    await inbox.count(1);
    await subscription.close();
    await publish(topic, 'left', 'also left');
    const [snapshot] = await subscription.createSnapshot('rewound-shot');
    await publish(topic, 'later');
    const again = pubsub.subscription('rewound-sub');
    const second = new Inbox(again);
    await second.count(3);
    await snapshot.seek();
    await second.count(6);
    const left = ['also left', 'later', 'left'];
    expect(second.texts.slice(0, 3).toSorted()).toEqual(left);
    expect(second.texts.slice(3).toSorted()).toEqual(left);
    await again.close();
  });
});

describe('seek', () => {
  const more = { retainAckedMessages: true };

  test('to the publish time of a message that is just being acknowledged brings it again', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'equal', more);
    // The ack is still in the client's batch when the seek is sent, and arrives after it.
    const inbox = new Inbox(subscription, (message) => {
      message.ack();
      if (inbox.messages.length === 1) void subscription.seek(message.publishTime);
    });
    await publish(topic, 'once more');
    await inbox.count(2);
    expect(inbox.texts).toEqual(['once more', 'once more']);
    expect(inbox.messages[1]?.id).toBe(inbox.messages[0]?.id);
    await subscription.close();
  });

  test('into the year 3000 purges once: what is published afterwards comes', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'purged', more);
    await publish(topic, 'gone');
    await subscription.seek(new Date(Date.UTC(3000, 0)));
    await publish(topic, 'kept');
    const inbox = new Inbox(subscription);
    await inbox.count(1);
    expect(inbox.texts).toEqual(['kept']);
    await subscription.close();
  });
});

describe('detach', () => {
  test('ends an open subscriber, drops its messages, and the topic lists it no more', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'detached');
    const inbox = new Inbox(subscription);
    await publish(topic, 'x');
    await inbox.count(1);
    expect(await subscription.detached()).toEqual([false]);
    await pubsub.detachSubscription('detached-sub');
    await inbox.until(({ errors }) => errors.length > 0);
    expect(inbox.errors[0]).toMatchObject({ code: 9 });
    expect(await subscription.detached()).toEqual([true]);
    expect((await topic.getSubscriptions())[0]).toEqual([]);
    await subscription.close();
  });
});
