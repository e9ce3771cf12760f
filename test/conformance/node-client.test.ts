import { PubSub, type Message } from '@google-cloud/pubsub';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';

const folder = temporaryFolder();
const server = new SealpostProcess([
  'serve',
  '--data-dir',
  join(folder.path, 'data'),
  '--port',
  '0',
]);
let url = '';
let pubsub: PubSub;

beforeAll(async () => {
  url = await server.url();
  pubsub = new PubSub({ projectId: 'p', apiEndpoint: new URL(url).host });
});
afterAll(async () => {
  await pubsub.close();
  await server.stop();
  folder.remove();
});

const rest = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  return (await fetch(`${url}/v1/projects/p/${path}`, init)).json();
};

describe('the official Node client', () => {
  test('creates, finds, lists and deletes', async () => {
    const [topic] = await pubsub.createTopic('admin');
    expect(await topic.exists()).toEqual([true]);
    expect(await pubsub.topic('missing').exists()).toEqual([false]);
    await expect(pubsub.createTopic('admin')).rejects.toMatchObject({
      code: 6,
      details: 'Resource already exists in the project (resource=admin).',
    });
    const [subscription] = await topic.createSubscription('admin-sub', { labels: { a: 'b' } });
    await subscription.setMetadata({ ackDeadlineSeconds: 30 });
    const [metadata] = await subscription.getMetadata();
    expect(metadata).toMatchObject({ ackDeadlineSeconds: 30, labels: { a: 'b' }, state: 'ACTIVE' });
    const [attached] = await topic.getSubscriptions();
    expect(attached.map(({ name }) => name)).toEqual([subscription.name]);
    const [topics] = await pubsub.getTopics({ pageSize: 1 });
    expect(topics.map(({ name }) => name)).toContain(topic.name);
    await subscription.delete();
    await topic.delete();
    expect(await topic.exists()).toEqual([false]);
  });

  test('receives by StreamingPull what gRPC and REST publish', async () => {
    const [topic] = await pubsub.createTopic('stream');
    const [subscription] = await topic.createSubscription('stream-sub');
    const received = new Map<string, Message>();
    const all = new Promise<void>((resolve, reject) => {
      subscription.on('error', reject);
      subscription.on('message', (message: Message) => {
        received.set(message.data.toString(), message);
        message.ack();
        if (received.size === 201) resolve();
      });
    });
    const sent = Array.from({ length: 200 }, (_, index) => `message ${index}`);
    const ids = await Promise.all(
      sent.map((text) => topic.publishMessage({ data: Buffer.from(text), attributes: { k: 'é' } })),
    );
    const data = Buffer.from('by REST').toString('base64');
    const attributes = JSON.parse('{"__proto__":"x"}') as object;
    const answer = await rest('POST', 'topics/stream:publish', {
      messages: [{ data, attributes }],
    });
    await all;
    expect(new Set(ids).size).toBe(200);
    expect(received.get('message 7')).toMatchObject({ id: ids[7], attributes: { k: 'é' } });
    expect(answer).toEqual({ messageIds: [received.get('by REST')?.id] });
    await subscription.close();
  });

  test('nine megabytes come back whole', async () => {
    const [topic] = await pubsub.createTopic('large');
    const [subscription] = await topic.createSubscription('large-sub');
    const data = Buffer.alloc(9_000_000, 'sealed');
    const message = new Promise<Message>((resolve) => subscription.once('message', resolve));
    await topic.publishMessage({ data });
    expect((await message).data.equals(data)).toBe(true);
    (await message).ack();
    await subscription.close();
  });
});

describe('REST', () => {
  test('publishes, pulls, extends, acknowledges and deletes', async () => {
    await rest('PUT', 'topics/plain', {});
    await rest('PUT', 'subscriptions/plain-sub', { topic: 'projects/p/topics/plain' });
    await rest('POST', 'topics/plain:publish', { messages: [{ attributes: { a: 'b' } }] });
    const pulled = (await rest('POST', 'subscriptions/plain-sub:pull', { maxMessages: 10 })) as {
      receivedMessages: { ackId: string; message: { attributes: object } }[];
    };
    expect(pulled.receivedMessages).toMatchObject([{ message: { attributes: { a: 'b' } } }]);
    const ackIds = pulled.receivedMessages.map(({ ackId }) => ackId);
    const path = 'subscriptions/plain-sub';
    const body = { ackIds, ackDeadlineSeconds: 60 };
    expect(await rest('POST', `${path}:modifyAckDeadline`, body)).toEqual({});
    expect(await rest('POST', `${path}:acknowledge`, { ackIds })).toEqual({});
    const again = { maxMessages: 1, returnImmediately: true };
    expect(await rest('POST', `${path}:pull`, again)).toEqual({});
    expect(await rest('DELETE', path)).toEqual({});
    expect(await rest('GET', path)).toEqual({
      error: {
        code: 404,
        message: 'Resource not found (resource=plain-sub).',
        status: 'NOT_FOUND',
      },
    });
    const token = await rest('GET', 'topics?pageToken=elsewhere');
    expect(token).toMatchObject({
      error: { code: 400, message: 'Invalid page token given (token=elsewhere).' },
    });
  });
});
