import { describe, expect, test } from 'vitest';

import { FrameClient, subprotocols } from '../support/frame-client.ts';
import { base64, liveApi, textOf } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import type { Json } from '../support/wire.ts';

const live = useLiveServer();

const udf = (functionName: string, body: string): Json => ({
  javascriptUdf: { functionName, code: `function ${functionName}(message) { ${body} }` },
});

describe.each(subprotocols)('transforms over %s', (subprotocol) => {
  const api = liveApi(live, 'REST');

  test('what is published goes through those of the topic, what is delivered through those of the subscription', async () => {
    const sieve = "return message.data === 'chaff' ? null : { data: message.data + '!' };";
    const topic = await api.topic({ messageTransforms: [udf('sieve', sieve)] });
    const louder = 'return { data: message.data.toUpperCase() };';
    const messageTransforms = [udf('louder', louder)];
    const subscription = await api.subscription(topic, { messageTransforms });
    const client = await FrameClient.hello(live, subprotocol);
    const id = client.post({ subscribe: { subscription } });
    const messages = ['chaff', 'soup'].map((text) => ({ data: base64(text) }));
    await client.request({ publish: { topic, messages } });
    const [received] = await client.receive(id, 1);
    expect(textOf(received!)).toBe('SOUP!');
    await client.close();
  });
});
