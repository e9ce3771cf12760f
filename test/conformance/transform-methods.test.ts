import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { hasGcloud, Gcloud } from '../support/gcloud.ts';
import { base64, freshId, liveApi } from '../support/live-api.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { useTestedServer } from '../support/tested-server.ts';
import type { Json } from '../support/wire.ts';

const live = useTestedServer();
const api = liveApi(live, 'REST');

const udf = (functionName: string, body: string): Json => ({
  javascriptUdf: { functionName, code: `function ${functionName}(message, metadata) { ${body} }` },
});
const louder = udf('louder', 'return { ...message, data: message.data.toUpperCase() };');
const sieve = udf('sieve', "if (message.data === 'CHAFF') return null; return message;");
const judge = udf(
  'judge',
  "if (message.data === 'STONE') throw new Error('a stone'); return message;",
);

async function post(verb: string, body: Json): Promise<{ status: number; json: Json }> {
  const answer = await fetch(`${live.url}/v1/${api.project}:${verb}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, json: (await answer.json()) as Json };
}

const refused = (status: number, message: unknown): object => ({
  status,
  json: { error: expect.objectContaining({ message }) },
});
const badArgument = (argument: string): string =>
  `You have passed an invalid argument to the service (argument=${argument}).`;

describe('validateMessageTransform', () => {
  test('answers nothing for one that can be run', async () => {
    expect(await post('validateMessageTransform', { messageTransform: louder })).toEqual({
      status: 200,
      json: {},
    });
  });

  test.each<[Json, number, unknown]>([
    [{}, 400, badArgument('message_transform: must be set')],
    [{ messageTransform: {} }, 400, badArgument('message_transform: must have a transform')],
    [
      { messageTransform: udf('', '') },
      400,
      badArgument('message_transform.javascript_udf.function_name: must not be empty'),
    ],
    [
      { messageTransform: { javascriptUdf: { functionName: 'f', code: 'function f(' } } },
      400,
      expect.stringContaining('Syntax'),
    ],
    [{ messageTransform: { aiInference: {} } }, 501, expect.stringContaining('"ai_inference"')],
    [
      { messageTransform: { nope: 1 } },
      400,
      'Invalid JSON payload received. Unknown name "nope": Cannot find field.',
    ],
    [{ nope: 1 }, 400, 'Invalid JSON payload received. Unknown name "nope": Cannot find field.'],
  ])('%j is refused', async (body, status, message) => {
    expect(await post('validateMessageTransform', body)).toEqual(refused(status, message));
  });
});

describe('testMessageTransforms', () => {
  const transforms = { messageTransforms: { messageTransforms: [louder, sieve, judge] } };
  const message = (data: string): Json => ({
    data: base64(data),
    attributes: { a: 'b' },
    orderingKey: 'k',
  });
  const transformed = (data: string): Json => ({ transformedMessage: message(data) });

  test('tells what the message is after each transform', async () => {
    const { json } = await post('testMessageTransforms', {
      message: message('soup'),
      ...transforms,
    });
    const states = ['SOUP', 'SOUP', 'SOUP'].map(transformed);
    expect(json).toEqual({ transformedMessages: states });
  });

  test('ends at the one that filters it, and at the one that fails', async () => {
    expect(
      (await post('testMessageTransforms', { message: message('chaff'), ...transforms })).json,
    ).toEqual({ transformedMessages: [transformed('CHAFF'), { filteredMessage: {} }] });
    const { json } = await post('testMessageTransforms', {
      message: message('stone'),
      ...transforms,
    });
    expect(json).toEqual({
      transformedMessages: [
        transformed('STONE'),
        transformed('STONE'),
        { failedMessage: { error: { code: 3, message: expect.stringContaining('a stone') } } },
      ],
    });
  });

  test('uses those of a topic or of a subscription, without the disabled ones', async () => {
    const topic = await api.topic({ messageTransforms: [louder] });
    const messageTransforms = [{ ...louder, disabled: true }, sieve];
    const subscription = await api.subscription(topic, { messageTransforms });
    const body = { message: message('soup') };
    expect((await post('testMessageTransforms', { ...body, topic })).json).toEqual({
      transformedMessages: [transformed('SOUP')],
    });
    expect((await post('testMessageTransforms', { ...body, subscription })).json).toEqual({
      transformedMessages: [transformed('soup')],
    });
    const bare = await api.topic();
    expect((await post('testMessageTransforms', { ...body, topic: bare })).json).toEqual({
      transformedMessages: [],
    });
  });

  test('what is known of a published message is there for its functions', async () => {
    const told = udf('told', 'return { data: JSON.stringify(metadata) };');
    const { json } = await post('testMessageTransforms', {
      message: {
        data: base64('x'),
        messageId: '17',
        publishTime: '2026-01-02T03:04:05Z',
        orderingKey: 'k',
      },
      messageTransforms: { messageTransforms: [told] },
    });
    const [state] = json['transformedMessages'] as { transformedMessage: { data: string } }[];
    const data = Buffer.from(state!.transformedMessage.data, 'base64').toString();
    expect(JSON.parse(data)).toEqual({
      message_id: '17',
      publish_time: '2026-01-02T03:04:05Z',
      ordering_key: 'k',
    });
  });

  test.each<[string, Json, number, unknown]>([
    ['without a message', { ...transforms }, 400, badArgument('message: must be set')],
    [
      'with an empty one',
      { message: {}, ...transforms },
      400,
      badArgument('message: must have non-empty data or at least one attribute'),
    ],
    [
      'without transforms',
      { message: { data: 'eA==' } },
      400,
      badArgument('message_transforms, subscription, topic: exactly one must be set'),
    ],
    [
      'with two sources of them',
      { message: { data: 'eA==' }, topic: 'projects/p/topics/top', ...transforms },
      400,
      badArgument('message_transforms, subscription, topic: exactly one must be set'),
    ],
    [
      'with a topic of another project',
      { message: { data: 'eA==' }, topic: 'projects/other/topics/missing' },
      400,
      badArgument(`topic: must be in ${api.project}`),
    ],
    [
      'with a topic that is not there',
      { message: { data: 'eA==' }, topic: `${api.project}/topics/missing` },
      404,
      'Resource not found (resource=missing).',
    ],
    [
      'with two functions of one name',
      { message: { data: 'eA==' }, messageTransforms: { messageTransforms: [sieve, sieve] } },
      400,
      badArgument(
        'message_transforms.message_transforms[1].javascript_udf.function_name: another has the name sieve',
      ),
    ],
  ])('%s it is refused', async (_, body, status, message) => {
    expect(await post('testMessageTransforms', body)).toEqual(refused(status, message));
  });
});

const excuse = hasGcloud ? '' : ' (skipped: gcloud is not installed)';

describe.skipIf(!hasGcloud)(`gcloud pubsub message-transforms${excuse}`, () => {
  const folder = temporaryFolder();
  const gcloud = new Gcloud(() => live.url, folder.path, api.project.slice('projects/'.length));
  afterAll(() => folder.remove());

  function file(...transforms: Json[]): string {
    const path = join(folder.path, `${freshId('transforms')}.json`);
    const [first] = transforms;
    writeFileSync(path, JSON.stringify(transforms.length === 1 ? first : transforms));
    return path;
  }

  test('validate takes what can be run, and prints why another is refused', async () => {
    const validate = (path: string): Promise<string> =>
      gcloud.run('pubsub', 'message-transforms', 'validate', `--message-transform-file=${path}`);
    await validate(file(louder));
    const broken = { javascriptUdf: { functionName: 'f', code: 'function f(' } };
    await expect(validate(file(broken))).rejects.toThrow(/Syntax/);
  });

  test('test prints the message after each transform', async () => {
    const printed = await gcloud.line(
      `pubsub message-transforms test --message=soup --attribute=a=b --message-transforms-file=${file(louder, sieve)} --format=json`,
    );
    const state = { data: 'SOUP', attributes: { a: 'b' } };
    expect(JSON.parse(printed)).toEqual([state, state]);
  });

  test('topics and subscriptions are created with transforms from a file', async () => {
    const path = file(louder, sieve);
    const topic = freshId('gcloud-topic');
    await gcloud.run('pubsub', 'topics', 'create', topic, `--message-transforms-file=${path}`);
    const described = await gcloud.run('pubsub', 'topics', 'describe', topic, '--format=json');
    expect(JSON.parse(described)).toMatchObject({ messageTransforms: [louder, sieve] });
    await gcloud.run('pubsub', 'topics', 'update', topic, '--clear-message-transforms');
    const cleared = await gcloud.run('pubsub', 'topics', 'describe', topic, '--format=json');
    expect(JSON.parse(cleared)).not.toHaveProperty('messageTransforms');
    const subscription = freshId('gcloud-subscription');
    await gcloud.line(
      `pubsub subscriptions create ${subscription} --topic=${topic} --message-transforms-file=${path}`,
    );
    const name = api.subscriptionName(subscription);
    const shown = await api.call('GetSubscription', { subscription: name });
    expect(shown).toMatchObject({ messageTransforms: [louder, sieve] });
  });
});
