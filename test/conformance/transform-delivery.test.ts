import { describe, expect, test } from 'vitest';

import { base64, liveApi, textOf, type Pulled } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';

const live = useTestedServer();

const udf = (functionName: string, body: string): Json => ({
  javascriptUdf: { functionName, code: `function ${functionName}(message, metadata) { ${body} }` },
});

/** Hides card numbers, drops tests and does not bear what is no JSON. */
const redact = udf(
  'redact',
  `const order = JSON.parse(message.data);
   if (order.isTest) return null;
   order.card = order.card.replace(/\\d(?=\\d{4})/g, '*');
   return { data: JSON.stringify(order), attributes: { ...message.attributes, redacted: 'yes' } };`,
);

const order = (card: string, more: object = {}): string => JSON.stringify({ card, ...more });

describe.each(wireNames)('transforms over %s', (wire) => {
  const api = liveApi(live, wire);

  test('a topic stores what its transforms make of a message, and drops what they filter', async () => {
    const topic = await api.topic({ messageTransforms: [redact] });
    const subscription = await api.subscription(topic);
    const texts = [order('1111222233334444'), order('5555', { isTest: true }), order('66667777')];
    const messages = texts.map((text) => ({ data: base64(text), attributes: { from: 'web' } }));
    const { messageIds } = await api.call<{ messageIds: string[] }>('Publish', { topic, messages });
    expect(new Set(messageIds).size).toBe(3);
    const received = await api.pull(subscription, 2);
    expect(received.map((each) => [each.message.messageId, textOf(each)])).toEqual([
      [messageIds[0], order('************4444')],
      [messageIds[2], order('****7777')],
    ]);
    expect(received[0]!.message.attributes).toEqual({ from: 'web', redacted: 'yes' });
  });

  test('one message that a transform does not bear refuses the whole publish', async () => {
    const topic = await api.topic({ messageTransforms: [redact] });
    const subscription = await api.subscription(topic);
    const messages = [{ data: base64(order('1111')) }, { data: base64('no JSON') }];
    expect(await api.refusal('Publish', { topic, messages })).toEqual({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^The message transforms of the topic failed, and nothing was published \(messages\[1\], message_transforms\[0\]: .*SyntaxError/,
      ),
    });
    await api.publish(topic, order('22223333'));
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual([order('****3333')]);
  });

  test('a subscription delivers what its transforms make; others get the message itself', async () => {
    const topic = await api.topic();
    const messageTransforms = [
      redact,
      udf('stamp', 'return { ...message, data: `${metadata.ordering_key} ${message.data}` };'),
    ];
    const transformed = await api.subscription(topic, { messageTransforms });
    const plain = await api.subscription(topic);
    const data = base64(order('1111222233334444'));
    await api.call('Publish', { topic, messages: [{ data, orderingKey: 'table-1' }] });
    const [redacted] = await api.pull(transformed, 1);
    expect(textOf(redacted!)).toBe(`table-1 ${order('************4444')}`);
    const [itself] = await api.pull(plain, 1);
    expect(textOf(itself!)).toBe(order('1111222233334444'));
    const { messageId, publishTime, orderingKey } = itself!.message;
    expect(redacted!.message).toMatchObject({ messageId, publishTime, orderingKey });
  });

  test('the filter of a subscription sees the message before its transforms', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, {
      filter: 'attributes.kind = "order"',
      messageTransforms: [udf('retag', "return { ...message, attributes: { kind: 'other' } };")],
    });
    const messages = ['order', 'bill'].map((kind) => ({
      data: base64(kind),
      attributes: { kind },
    }));
    await api.call('Publish', { topic, messages });
    const received = await api.pull(subscription, 1);
    expect(received.map(textOf)).toEqual(['order']);
    expect(received[0]!.message.attributes).toEqual({ kind: 'other' });
  });

  test('what fails in a subscription goes to the dead letter topic with its error', async () => {
    const deadLetterTopic = await api.topic();
    const letters = await api.subscription(deadLetterTopic);
    const topic = await api.topic();
    const subscription = await api.subscription(topic, {
      messageTransforms: [redact],
      deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
    });
    await api.publish(topic, 'no JSON', order('11112222'));
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual([order('****2222')]);
    let letter: Pulled | undefined;
    for (let asked = 0; letter === undefined && asked < 100; asked++) {
      // Somebody has to listen: what nobody takes is not transformed either.
      await api.pullOnce(subscription, 1);
      await live.pass(1_000);
      [letter] = await api.pullOnce(letters, 1);
    }
    expect(textOf(letter!)).toBe('no JSON');
    expect(letter!.message.attributes).toMatchObject({
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
      CloudPubSubDeadLetterSourceDeliveryErrorMessage: expect.stringContaining('SyntaxError'),
    });
  });

  test('compressed by the topic and decompressed by the subscription is what was published', async () => {
    const zlib = (compressionMode: string): Json => ({
      compression: { compressionAlgorithm: 'ZLIB', compressionMode },
    });
    const topic = await api.topic({ messageTransforms: [zlib('COMPRESS')] });
    const whole = await api.subscription(topic, { messageTransforms: [zlib('DECOMPRESS')] });
    const small = await api.subscription(topic);
    const text = 'soup '.repeat(1_000);
    await api.publish(topic, text);
    expect((await api.pull(whole, 1)).map(textOf)).toEqual([text]);
    const [compressed] = await api.pull(small, 1);
    expect(Buffer.from(compressed!.message.data!, 'base64').length).toBeLessThan(100);
  });

  test('a function that does not end is stopped, and harms no other message', async () => {
    const topic = await api.topic();
    const endless = "if (message.data === 'endless') for (;;); return message;";
    const subscription = await api.subscription(topic, {
      messageTransforms: [udf('sometimes', endless)],
    });
    await api.publish(topic, 'endless', 'soup', 'bread');
    expect((await api.pull(subscription, 2)).map(textOf).toSorted()).toEqual(['bread', 'soup']);
  });

  test('metrics tell how long transforms took, and what came of them', async () => {
    const topic = await api.topic({ messageTransforms: [redact] });
    const id = topic.split('/').at(-1)!;
    await api.publish(topic, order('1111'), order('2222', { isTest: true }));
    await api.refusal('Publish', { topic, messages: [{ data: base64('no JSON') }] });
    const page = await live.metrics();
    const count = (status: string, filtered: boolean): RegExp =>
      new RegExp(
        `^pubsub_topic_message_transform_latencies_count\\{[^}]*topic_id="${id}"[^}]*status="${status}",filtered="${filtered}"\\} 1$`,
        'm',
      );
    expect(page).toMatch(count('success', false));
    expect(page).toMatch(count('success', true));
    expect(page).toMatch(count('failure', false));
  });
});
