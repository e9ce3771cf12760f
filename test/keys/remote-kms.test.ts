import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { GrpcWire } from '../support/grpc-wire.ts';
import { KeyProcess } from '../support/key-process.ts';
import { LiveApi, textOf } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { LiveServer } from '../support/live-server.ts';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';
import { RestWire } from '../support/wire.ts';

const project = 'projects/remote';
/** DESIGN's promise 4, which a Sealpost key service in another process keeps too. */
const biteMs = 1_000;
const minuteMs = 60_000;

const kms = new KeyProcess();
const keys = new LiveKeys(() => kms.url);

beforeAll(() => kms.start());
afterAll(() => kms.remove());

const ways = [
  {
    name: 'the key version is disabled',
    take: (key: LiveKey) => keys.setState(key, 'DISABLED'),
    give: (key: LiveKey) => keys.setState(key, 'ENABLED'),
    reason: (key: LiveKey) => `${key.version} is not enabled, current state is: DISABLED.`,
  },
  {
    name: "the service agent's binding is removed",
    take: (key: LiveKey) => keys.revoke(key),
    give: (key: LiveKey) => keys.grant(key, project),
    reason: (key: LiveKey) => `denied on resource '${key.name}'`,
  },
] as const;

describe('two processes, one of keys and one of messages', () => {
  const folder = temporaryFolder();
  let broker: SealpostProcess;
  let grpc: GrpcWire;
  let api: LiveApi;
  let url = '';

  beforeAll(async () => {
    const data = ['--port', '0', '--data-dir', join(folder.path, 'data'), '--drain-seconds', '1'];
    const remote = ['--roles', 'broker', '--kms-endpoint', kms.url, '--log-level', 'error'];
    broker = new SealpostProcess(['serve', ...data, ...remote]);
    url = await broker.url();
    grpc = new GrpcWire(() => new URL(url).host);
    api = new LiveApi(grpc, project);
  });
  afterAll(async () => {
    grpc.close();
    await broker.stop();
    folder.remove();
  });

  test.each(ways)(
    '$name: delivery at the client of the broker ends within a second, with the words of the key service',
    async ({ take, give, reason }) => {
      const key = await keys.createGranted(project);
      const topic = await api.topic({ kmsKeyName: key.name });
      const subscription = await api.subscription(topic);
      const stream = grpc.stream({ subscription, streamAckDeadlineSeconds: 600 });
      await api.publish(topic, 'before');
      await stream.until(({ texts }) => texts.includes('before'));
      const takenMs = performance.now();
      await take(key);
      const end = await stream.ended;
      expect(end).toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining(reason(key)),
      });
      expect(end.atMs - takenMs).toBeLessThan(biteMs);
      const refused = await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] });
      expect(refused).toMatchObject({ code: 'FAILED_PRECONDITION' });
      await give(key);
      await api.publish(topic, 'after');
      const again = grpc.stream({ subscription, streamAckDeadlineSeconds: 600 });
      await again.until(({ texts }) => texts.includes('after'));
      again.cancel();
    },
  );

  test('a topic without a key of its own is sealed under the key of the broker', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'own');
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['own']);
  });

  test('neither serves what the other is for, and says where it is', async () => {
    const atBroker = new RestWire(() => url);
    const list = atBroker.send('GET', `${project}/locations/global/keyRings`);
    await expect(list).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message:
        'google.cloud.kms.v1.KeyManagementService.ListKeyRings is not served here, as this server ' +
        `has --roles broker: ask ${kms.url}.`,
    });
    const atKms = new LiveApi(new RestWire(() => kms.url), project);
    expect(await atKms.refusal('GetTopic', { topic: `${project}/topics/some-topic` })).toEqual({
      code: 'UNIMPLEMENTED',
      message:
        'google.pubsub.v1.Publisher.GetTopic is not served here: this server has --roles kms.',
    });
    const key = `${project}/locations/global/keyRings/r/cryptoKeys/k`;
    for (const [method, path] of [
      ['GET', `${key}:use`],
      ['GET', `${key}/cryptoKeyVersions/1:use`],
      ['POST', `${key}:rewrap`],
      ['GET', `${key}:rewrap`],
    ] as const) {
      const answer = await fetch(`${kms.url}/sealpost/v1/${path}`, { method });
      expect([answer.status, await answer.text()], path).toEqual([
        501,
        expect.stringContaining('is not served here: this server has --roles kms.'),
      ]);
    }
    expect((await fetch(`${kms.url}/metrics`)).status).toBe(200);
    expect((await fetch(`${kms.url}/healthz`)).status).toBe(200);
  });

  test('the key service refuses to destroy what messages at the broker depend on', async () => {
    const key = await keys.createGranted(project);
    const topic = await api.topic({ kmsKeyName: key.name });
    await api.subscription(topic);
    await api.publish(topic, 'kept');
    const rest = new RestWire(() => kms.url);
    /** Until the report has come, a destruction is only scheduled, and taken back. */
    const refusal = async (): Promise<unknown> => {
      try {
        await rest.send('POST', `${key.version}:destroy`, {});
      } catch (error) {
        return error;
      }
      await rest.send('POST', `${key.version}:restore`, {});
      await keys.setState(key, 'ENABLED');
      return null;
    };
    await expect.poll(refusal, { timeout: 90_000, interval: 300 }).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(topic),
    });
  }, 120_000);
});

describe('a key service that is away', () => {
  const broker = (): LiveServer =>
    new LiveServer(['--roles', 'broker', '--kms-endpoint', kms.url, '--log-level', 'error']);

  /** A broker on a clock that can jump, a topic with a warm key, and what a test does to them. */
  async function away(
    run: (parts: {
      live: LiveServer;
      api: LiveApi;
      topic: string;
      subscription: string;
    }) => Promise<void>,
  ): Promise<void> {
    const live = broker();
    await live.start();
    const wire = new GrpcWire(() => live.address);
    try {
      const api = new LiveApi(wire, project);
      const key = await keys.createGranted(project);
      const topic = await api.topic({ kmsKeyName: key.name });
      const subscription = await api.subscription(topic);
      await api.publish(topic, 'warm');
      await run({ live, api, topic, subscription });
    } finally {
      wire.close();
      await live.remove();
    }
  }

  const watchState = async (live: LiveServer, state: string): Promise<number | undefined> => {
    const page = await live.metrics();
    const [, value] =
      new RegExp(`^sealpost_remote_kms_watch\\{state="${state}"\\} (\\d)$`, 'm').exec(page) ?? [];
    return value === undefined ? undefined : Number(value);
  };

  test('for half a minute is not noticed by publishers and subscribers', async () => {
    await away(async ({ live, api, topic, subscription }) => {
      await kms.kill();
      await expect.poll(() => watchState(live, 'unheard'), { timeout: 15_000 }).toBe(1);
      for (const text of ['a', 'b', 'c']) {
        await live.pass(minuteMs / 6);
        await api.publish(topic, text);
      }
      const texts = (await api.pull(subscription, 4)).map(textOf);
      expect(texts.toSorted()).toEqual(['a', 'b', 'c', 'warm']);
      await kms.start();
      await expect.poll(() => watchState(live, 'pushed'), { timeout: 30_000 }).toBe(1);
      await api.publish(topic, 'd');
    });
  });

  test('for an hour is as if the key were revoked, and it serves again once it is back', async () => {
    await away(async ({ live, api, topic, subscription }) => {
      await kms.kill();
      await expect.poll(() => watchState(live, 'unheard'), { timeout: 15_000 }).toBe(1);
      for (let passed = 0; passed < 60; passed += 5) await live.pass(5 * minuteMs);
      const refused = await api.untilRefused('Publish', { topic, messages: [{ data: 'YQ==' }] });
      expect(refused).toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('the key service cannot be reached'),
      });
      await kms.start();
      const publish = async (): Promise<string> =>
        await api.publish(topic, 'after').then(
          () => 'published',
          () => 'refused',
        );
      await expect.poll(publish, { timeout: 30_000 }).toBe('published');
      const texts = (await api.pull(subscription, 2)).map(textOf);
      expect(texts).toContain('warm');
    });
  });
});
