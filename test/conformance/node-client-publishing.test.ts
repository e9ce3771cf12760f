import { PubSub, type Message } from '@google-cloud/pubsub';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from 'vitest';

import { useLiveServer } from '../support/live-server.ts';
import { Inbox, NodeClient, topicWithSubscription } from '../support/node-client.ts';

const live = useLiveServer();
const client = new NodeClient(live, 'publishing');
let pubsub: PubSub;
beforeAll(() => void (pubsub = client.pubsub));

/** Publish requests of a topic that were answered, as Prometheus reads them. */
async function publishRequests(topicId: string): Promise<number> {
  const page = await (await fetch(`${live.url}/metrics`)).text();
  return page
    .split('\n')
    .filter((line) => line.startsWith('pubsub_topic_send_request_count{'))
    .filter((line) => line.includes(`topic_id="${topicId}"`))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

type Span = NonNullable<Message['parentSpan']>;

/** The very module that the client traces with, which is no dependency of this package. */
const { trace } = createRequire(import.meta.resolve('@google-cloud/pubsub'))(
  '@opentelemetry/api',
) as {
  readonly trace: {
    wrapSpanContext(context: object): Span;
    setGlobalTracerProvider(provider: { getTracer(): { startSpan(): Span } }): void;
  };
};

const data = (text: string): { data: Buffer } => ({ data: Buffer.from(text) });

describe('the official Node publisher', () => {
  test('sends a thousand messages in ten requests, and the ids are theirs in order', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'batches');
    topic.setPublishOptions({ batching: { maxMessages: 100, maxMilliseconds: 60_000 } });
    const texts = Array.from({ length: 1000 }, (_, index) => String(index));
    const ids = await Promise.all(texts.map((text) => topic.publishMessage(data(text))));
    expect(await publishRequests('batches')).toBe(10);
    const inbox = new Inbox(subscription);
    await inbox.until(({ messages }) => new Set(messages.map(({ id }) => id)).size === 1000);
    const byId = new Map(inbox.messages.map((message) => [message.id, message.data.toString()]));
    expect(ids.map((id) => byId.get(id))).toEqual(texts);
    await subscription.close();
  });

  test('keeps the order of each of thirty keys over five streams', async () => {
    const options = { enableMessageOrdering: true };
    const { topic, subscription } = await topicWithSubscription(pubsub, 'ordered', options);
    topic.setPublishOptions({ messageOrdering: true, batching: { maxMessages: 7 } });
    const keys = Array.from({ length: 30 }, (_, index) => `key ${index}`);
    const numbers = Array.from({ length: 40 }, (_, index) => String(index));
    const seen = new Map(keys.map((key) => [key, [] as string[]]));
    const inbox = new Inbox(subscription, (message) => {
      seen.get(message.orderingKey ?? '')?.push(message.data.toString());
      message.ack();
    });
    const sent = numbers.flatMap((text) =>
      keys.map((orderingKey) => topic.publishMessage({ ...data(text), orderingKey })),
    );
    await Promise.all(sent);
    await inbox.until(({ messages }) => new Set(messages.map(({ id }) => id)).size === 1200);
    for (const key of keys) expect([...new Set(seen.get(key))], key).toEqual(numbers);
    await subscription.close();
  });

  test('fails what waits behind a refusal of its key, and goes on in order once resumed', async () => {
    const options = { messageOrdering: true, batching: { maxMessages: 1 } };
    const topic = pubsub.topic('resumed', options);
    const publish = (orderingKey: string, text: string): Promise<string> =>
      topic.publishMessage({ ...data(text), orderingKey });
    const lost = ['1', '2', '3'].map((text) => publish('a', text));
    for (const { reason, status } of (await Promise.allSettled(lost)) as PromiseRejectedResult[]) {
      expect(status).toBe('rejected');
      expect(reason).toMatchObject({ code: 5, details: 'Resource not found (resource=resumed).' });
    }
    const more = { enableMessageOrdering: true };
    const { subscription } = await topicWithSubscription(pubsub, 'resumed', more);
    topic.resumePublishing('a');
    await Promise.all(['first', 'second', 'third'].map((text) => publish('a', text)));
    const inbox = new Inbox(subscription);
    await inbox.count(3);
    expect(inbox.texts).toEqual(['first', 'second', 'third']);
    await subscription.close();
  });

  test('may give a call more time than a timer can count', async () => {
    const fortyDaysMs = 40 * 24 * 3_600_000;
    const topic = pubsub.topic('timed', { gaxOpts: { timeout: fortyDaysMs, maxRetries: 0 } });
    await topic.create();
    expect(await topic.publishMessage(data('x'))).toMatch(/^\d+$/);
    expect(await publishRequests('timed')).toBe(1);
  });

  test('hands the context of its trace on in googclient_traceparent', async () => {
    await topicWithSubscription(pubsub, 'traced');
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const spanContext = { traceId, spanId: 'b7ad6b7169203331', traceFlags: 1 };
    const startSpan = (): Span => trace.wrapSpanContext(spanContext);
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) });
    const traced = new PubSub({ enableOpenTelemetryTracing: true });
    await traced.topic('traced').publishMessage(data('x'));
    const inbox = new Inbox(traced.subscription('traced-sub'));
    await inbox.count(1);
    expect(inbox.messages[0]?.attributes).toEqual({
      googclient_traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    });
    await traced.close();
  });
});
