import { afterEach, describe, expect, test } from 'vitest';

import { base64, liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { dataOf, SocketClient } from '../support/socket-client.ts';

const live = useLiveServer();
const api = liveApi(live, 'REST', 'resume');
const open: SocketClient[] = [];

async function connect(): Promise<SocketClient> {
  const client = await SocketClient.open(live.url);
  open.push(client);
  return client;
}

/** Clients leave for good, so that no session waits for them in the next test. */
afterEach(async () => {
  for (const client of open.splice(0)) if (!client.isClosed) await client.close();
  live.clock.jump(60_001);
  await untilDetached(0);
});

const publish = (topic: string, text: string): object => ({
  publish: { topic, messages: [{ data: base64(text) }] },
});
describe('a session whose connection broke', () => {
  test('publishes once what is sent again, and answers it all', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const count = 300;
    const first = await connect();
    const { sessionId } = await first.hello();
    for (let id = 1; id <= count; id++) first.send({ id, ...publish(topic, String(id)) });
    await first.until(({ id }) => id === 100);
    await first.kill();
    const second = await connect();
    second.send({ hello: { sessionId } });
    for (let id = 1; id <= count; id++) second.send({ id, ...publish(topic, String(id)) });
    const { welcome } = await second.until((frame) => frame['welcome'] !== undefined);
    expect(welcome).toMatchObject({ sessionId, resumed: true, resumeSeconds: 60 });
    for (let id = 1; id <= count; id++) await second.until((frame) => frame.id === id);
    const errors = second.frames.filter(({ error }) => error !== undefined);
    expect(errors).toEqual([]);
    const pulled = await api.pull(subscription, count);
    expect(await api.pullOnce(subscription)).toEqual([]);
    const texts = pulled.map(({ message }) => Buffer.from(message.data ?? '', 'base64').toString());
    expect(texts.map(Number).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, n) => n + 1),
    );
    const answered = new Map<number, unknown>();
    for (const { id, published } of [...first.frames, ...second.frames]) {
      if (published === undefined) continue;
      if (answered.has(id)) expect(published).toEqual(answered.get(id));
      answered.set(id, published);
    }
    expect(answered.size).toBe(count);
  });

  test('delivers anew what did not arrive, under new sequences, and not what did', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
    const first = await connect();
    const { sessionId } = await first.hello();
    const stream = await first.subscribe({ subscription });
    const named: { stream: number; sequence: number }[] = [];
    for (const text of ['1', '2', '3']) {
      await api.publish(topic, text);
      await first.until(({ deliver }) => deliverHas(deliver, text));
    }
    const delivers = first.deliversOf(stream);
    expect(delivers.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    named.push({ stream, sequence: 1 });
    await first.kill();
    const second = await connect();
    expect(await second.hello({ sessionId, streams: named })).toMatchObject({ resumed: true });
    const again = await second.untilMessages(stream, 2);
    expect(again.map(dataOf).toSorted()).toEqual(['2', '3']);
    expect(Math.min(...second.deliversOf(stream).map(({ sequence }) => sequence))).toBe(4);
    second.nextId = 100;
    const kept = delivers[0]!.receivedMessages[0]!.ackId;
    const ackIds = [kept, ...again.map(({ ackId }) => ackId)];
    const { settled } = await second.call({ acknowledge: { stream, ackIds } });
    expect(settled).toEqual({ results: ['DONE', 'DONE', 'DONE'] });
    expect(second.messagesOf(stream)).toHaveLength(2);
  });

  test('what did not arrive was no failed delivery: attempts and delays stay as they were', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, {
      ackDeadlineSeconds: 600,
      deadLetterPolicy: { deadLetterTopic: await api.topic(), maxDeliveryAttempts: 5 },
      retryPolicy: { minimumBackoff: '600s', maximumBackoff: '600s' },
    });
    let client = await connect();
    const { sessionId } = await client.hello();
    const stream = await client.subscribe({ subscription });
    await api.publish(topic, 'again');
    await client.untilMessages(stream, 1);
    for (let lost = 0; lost < 6; lost++) {
      await client.kill();
      client = await connect();
      await client.hello({ sessionId, streams: [{ stream, sequence: lost }] });
      const [message] = await client.untilMessages(stream, 1);
      expect(message).toMatchObject({ deliveryAttempt: 1 });
    }
  });

  test.each(['is gone after a minute', 'is closed'])(
    'gives back what nobody confirmed when it %s',
    async (how) => {
      const topic = await api.topic();
      const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
      const client = await SocketClient.open(live.url, { autoPong: false });
      await client.hello();
      const stream = await client.subscribe({ subscription });
      await api.publish(topic, 'on its way');
      await client.untilMessages(stream, 1);
      if (how === 'is closed') await client.close();
      else {
        await client.kill();
        await untilDetached(1);
        expect(await api.pullOnce(subscription)).toEqual([]);
        live.clock.jump(60_001);
      }
      const [message] = await api.pull(subscription, 1);
      expect(Buffer.from(message?.message.data ?? '', 'base64').toString()).toBe('on its way');
    },
  );

  test('keeps its ephemeral subscription, which gathers meanwhile', async () => {
    const topic = await api.topic();
    const first = await connect();
    const { sessionId } = await first.hello();
    const stream = await first.subscribe({ topic });
    await first.kill();
    await api.publish(topic, 'while away');
    live.clock.jump(50_000);
    const second = await connect();
    expect(await second.hello({ sessionId })).toMatchObject({ resumed: true });
    const messages = await second.untilMessages(stream, 1);
    expect(messages.map(dataOf)).toEqual(['while away']);
    // Asked again, since the answer might have been lost.
    second.send({ id: stream, subscribe: { topic } });
    const { subscribed } = await second.until((frame) => frame['subscribed'] !== undefined);
    expect(subscribed).toMatchObject({ ephemeral: true });
  });

  test('is gone after a minute, and its ephemeral subscription with it', async () => {
    const topic = await api.topic();
    const first = await connect();
    const { sessionId } = await first.hello();
    await first.subscribe({ topic });
    await first.kill();
    await untilDetached(1);
    await untilPage(hasEphemeral);
    live.clock.jump(60_001);
    await untilDetached(0);
    await untilPage((page) => !hasEphemeral(page));
    const second = await connect();
    const welcome = await second.hello({ sessionId });
    expect(welcome.resumed).toBe(false);
    expect(welcome.sessionId).not.toBe(sessionId);
  });

  test('says why a stream ended meanwhile', async () => {
    const subscription = await api.subscription(await api.topic());
    const first = await connect();
    const { sessionId } = await first.hello();
    const stream = await first.subscribe({ subscription });
    await first.kill();
    await api.call('DeleteSubscription', { subscription });
    const second = await connect();
    const streams = [
      { stream, sequence: 0 },
      { stream: 77, sequence: 5 },
    ];
    await second.hello({ sessionId, streams });
    const ended = await second.until(({ id }) => id === stream);
    expect(ended['error']).toMatchObject({ code: 5, reason: 'RESOURCE_NOT_FOUND' });
    const unknown = await second.until(({ id }) => id === 77);
    expect(unknown['error']).toMatchObject({ code: 5, reason: 'STREAM_NOT_FOUND' });
  });
});

test('a session that its client closed is not resumed', async () => {
  const client = await connect();
  const { sessionId } = await client.hello();
  await client.close(1000);
  const second = await connect();
  expect((await second.hello({ sessionId })).resumed).toBe(false);
});

test('a session is taken over from a connection that still hangs', async () => {
  const topic = await api.topic();
  const first = await connect();
  const { sessionId } = await first.hello();
  const stream = await first.subscribe({ topic });
  const second = await connect();
  expect(await second.hello({ sessionId })).toMatchObject({ resumed: true });
  expect(await first.closed).toMatchObject({
    code: 4010,
    reason: 'SESSION_TAKEN_OVER: The session was resumed on another connection.',
  });
  await api.publish(topic, 'here');
  expect((await second.untilMessages(stream, 1)).map(dataOf)).toEqual(['here']);
});

test('no id but that of a session resumes one', async () => {
  const client = await connect();
  const welcome = await client.hello({ sessionId: 'x'.repeat(32) });
  expect(welcome.resumed).toBe(false);
  expect(Buffer.from(welcome.sessionId, 'base64url').length).toBeGreaterThanOrEqual(16);
});

const deliverHas = (deliver: unknown, text: string): boolean =>
  JSON.stringify(deliver ?? '').includes(`"${base64(text)}"`);

/** Resolves when the metrics show that so many sessions wait for their client. */
async function untilDetached(count: number): Promise<void> {
  await untilPage((page) => page.includes(`\nsealpost_websocket_detached_sessions ${count}\n`));
}

/** Only the metrics list ephemeral subscriptions, those of a project as one. */
const hasEphemeral = (page: string): boolean =>
  page.includes(
    '\npubsub_subscription_open_streaming_pulls{project_id="resume-rest",subscription_id="goog-ephemeral"',
  );

async function untilPage(fits: (page: string) => boolean): Promise<void> {
  while (!fits(await (await fetch(`${live.url}/metrics`)).text()));
}
