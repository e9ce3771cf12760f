import { gzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { base64, freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';

const live = useTestedServer();
const api = liveApi(live, 'REST', 'details');

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

async function send(
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const reply = await fetch(`${live.url}/v1/${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return {
    status: reply.status,
    type: reply.headers.get('content-type'),
    text: await reply.text(),
  };
}

const subscribed = async (): Promise<string> => await api.subscription(await api.topic());
const empty: Answer = { status: 200, type: 'application/json; charset=UTF-8', text: '{}\n' };

describe('empty replies are `{}\\n`', () => {
  test('of a seek, a detach, a push configuration and a deletion', async () => {
    const subscription = await subscribed();
    const snapshot = await api.snapshot(subscription);
    const body = JSON.stringify({ snapshot });
    expect(await send('POST', `${subscription}:seek`, body)).toEqual(empty);
    expect(await send('DELETE', snapshot)).toEqual(empty);
    expect(await send('POST', `${subscription}:modifyPushConfig`, '{}')).toEqual(empty);
    expect(await send('POST', `${subscription}:detach`)).toEqual(empty);
    expect(await send('DELETE', subscription)).toEqual(empty);
  });

  test('a detach has no body, and one that is sent says nothing', async () => {
    for (const body of ['', '{}']) {
      expect(await send('POST', `${await subscribed()}:detach`, body)).toEqual(empty);
    }
  });
});

describe('unknown names', () => {
  test.each([
    ['POST', ':seek', { time: '2030-01-01T00:00:00Z', nope: 1 }, 'nope'],
    ['POST', ':seek', { target: {} }, 'target'],
    ['POST', ':modifyPushConfig', { pushConfig: {}, extra: {} }, 'extra'],
  ])('%s %s: "Cannot find field."', async (method, verb, body, name) => {
    const { status, text } = await send(
      method,
      `${await subscribed()}${verb}`,
      JSON.stringify(body),
    );
    const description = `Invalid JSON payload received. Unknown name "${name}": Cannot find field.`;
    expect([status, JSON.parse(text)]).toEqual([
      400,
      {
        error: {
          code: 400,
          message: description,
          status: 'INVALID_ARGUMENT',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.BadRequest',
              fieldViolations: [{ description }],
            },
          ],
        },
      },
    ]);
  });

  test('a field of a nested message is named with its place', async () => {
    const { text } = await send(
      'PUT',
      api.subscriptionName(freshId('nested')),
      JSON.stringify({ topic: await api.topic(), retryPolicy: { maxBackoff: '1s' } }),
    );
    expect(text).toContain(`Unknown name \\"maxBackoff\\" at 'retry_policy': Cannot find field.`);
  });

  test('a target is one: both are refused', async () => {
    const subscription = await subscribed();
    const both = { time: '2030-01-01T00:00:00Z', snapshot: api.snapshotName('abc') };
    const { status, text } = await send('POST', `${subscription}:seek`, JSON.stringify(both));
    expect(status).toBe(400);
    expect(text).toContain("oneof field 'target' is already set");
  });
});

describe('query parameters', () => {
  test('updateMask may be one, in either spelling, beside a body that has the resource', async () => {
    const name = await api.snapshot(await subscribed());
    for (const updateMask of ['labels', 'labels,expire_time', 'labels,expireTime']) {
      const shown = await api.call('GetSnapshot', { snapshot: name });
      const snapshot = { ...shown, labels: { mask: String(updateMask.length) } };
      const body = JSON.stringify({ snapshot });
      const reply = await send('PATCH', `${name}?updateMask=${updateMask}`, body);
      expect([reply.status, JSON.parse(reply.text)]).toEqual([200, snapshot]);
    }
  });

  test('those that every Google API takes are passed over', async () => {
    const subscription = await subscribed();
    const query = 'alt=json&$alt=json&prettyPrint=true&key=k&quotaUser=u&uploadType=x&$.xgafv=2';
    const { status } = await send('GET', `${subscription}?${query}`);
    expect(status).toBe(200);
    const unknown = await send('GET', `${subscription}?nope=1`);
    expect([unknown.status, unknown.text.includes('Cannot bind query parameter')]).toEqual([
      400,
      true,
    ]);
  });
});

describe('bodies', () => {
  const zipped = { 'content-encoding': 'gzip' };

  test('gzip is taken for every method that has a body', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const messages = JSON.stringify({ messages: [{ data: base64('zipped') }] });
    expect((await send('POST', `${topic}:publish`, zip(messages), zipped)).status).toBe(200);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['zipped']);
    const request = JSON.stringify({ subscription });
    const name = api.snapshotName(freshId('zipped'));
    expect((await send('PUT', name, zip(request), zipped)).status).toBe(200);
  });

  test('one that unpacks to more than 10,485,760 bytes is refused', async () => {
    const topic = await api.topic();
    const bomb = zip(' '.repeat(10_485_761));
    const { status, text } = await send('POST', `${topic}:publish`, bomb, zipped);
    expect(status).toBe(400);
    expect(text).toContain('Request payload size exceeds the limit: 10485760 bytes.');
  });
});

const zip = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(gzipSync(text));
