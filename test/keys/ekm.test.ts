import { beforeEach, describe, expect, test } from 'vitest';

import { LiveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { useExternalKeys } from '../support/live-external-keys.ts';
import type { LiveKey } from '../support/live-keys.ts';
import { hasOpenssl } from '../support/test-certificates.ts';
import { CallRefusal } from '../support/wire.ts';

const minuteMs = 60_000;

interface Keyed {
  readonly key: LiveKey & { readonly path: string };
  readonly topic: string;
  readonly subscription: string;
}

describe.skipIf(!hasOpenssl)('a topic under an EXTERNAL key', () => {
  const { live, ekm, keys, rest } = useExternalKeys(['--ekm-deadline-ms', '4000']);
  const api = new LiveApi(liveGrpc(live), 'projects/external');
  const messages = [{ data: 'YQ==' }];

  beforeEach(() => {
    ekm.behaviour = { kind: 'honest' };
    ekm.cacheDuration = undefined;
    ekm.records.length = 0;
  });

  const keyed = async (): Promise<Keyed> => {
    const key = await keys.createExternal(api.project);
    const topic = await api.topic({ kmsKeyName: key.name });
    return { key, topic, subscription: await api.subscription(topic) };
  };
  const refused = (message: string): object => ({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining(message),
  });
  const pulled = async (subscription: string, count: number): Promise<string[]> =>
    (await api.pull(subscription, count)).map(textOf).toSorted();

  test('is published to and pulled from; its owner is told who uses the key, why and for what', async () => {
    const { key, topic, subscription } = await keyed();
    const made = ekm.records.splice(0);
    expect(made.slice(0, 2)).toMatchObject([
      { operation: 'wrap', isHealthCheck: true, reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION' },
      { operation: 'unwrap', isHealthCheck: true, resourceName: key.version },
    ]);
    await api.publish(topic, 'a', 'b');
    expect(await pulled(subscription, 2)).toEqual(['a', 'b']);
    const { projectNumber } = await rest.send<{ projectNumber: string }>('GET', api.project);
    expect(ekm.records.map(({ operation }) => operation)).toEqual(['wrap', 'unwrap']);
    for (const record of ekm.records) {
      expect(record).toMatchObject({
        keyPath: key.path,
        resourceName: key.version,
        reason: 'CUSTOMER_INITIATED_ACCESS',
        usedFor: topic,
        isHealthCheck: false,
        email: `service-${projectNumber}@gcp-sa-ekms.iam.gserviceaccount.com`,
        status: 200,
      });
    }
  });

  test('goes on under the next version, at another URI, and what is stored stays under the first', async () => {
    const { key, topic, subscription } = await keyed();
    await api.publish(topic, 'first');
    await keys.addVersion(key.name, `${key.path}-next`);
    await api.publish(topic, 'second');
    await live.restart();
    ekm.records.length = 0;
    expect(await pulled(subscription, 2)).toEqual(['first', 'second']);
    expect(new Set(ekm.records.map(({ keyPath }) => keyPath))).toEqual(
      new Set([key.path, `${key.path}-next`]),
    );
    await keys.setState(key, 'DISABLED');
    await live.restart();
    expect(await api.refusal('Pull', { subscription, maxMessages: 2 })).toMatchObject(
      refused('is not enabled, current state is: DISABLED.'),
    );
  });

  test('does not rotate by itself', async () => {
    const { key } = await keyed();
    const patch = rest.send('PATCH', `${key.name}?updateMask=rotationPeriod,nextRotationTime`, {
      rotationPeriod: '2592000s',
      nextRotationTime: '2999-01-01T00:00:00Z',
    });
    await expect(patch).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('is not stopped by an outage of half a minute, even at the refresh of its DEK', async () => {
    const { topic, subscription } = await keyed();
    await api.publish(topic, 'before');
    await ekm.stop();
    await live.pass(6 * minuteMs + 5_000);
    await api.publish(topic, 'during');
    expect(await pulled(subscription, 2)).toEqual(['before', 'during']);
    await live.pass(25_000);
    await api.publish(topic, 'later');
    await ekm.start();
    ekm.records.length = 0;
    // The next try at the refresh falls due while the manager answers again.
    await live.pass(6_000);
    while (ekm.count('unwrap') === 0) await live.pass(100);
    await live.pass(5 * minuteMs);
    await api.publish(topic, 'after');
  });

  test('is refused after an outage of an hour, with the reason, and goes on when it is over', async () => {
    const { topic, subscription } = await keyed();
    await api.publish(topic, 'kept');
    await ekm.stop();
    await live.pass(60 * minuteMs);
    const message = 'due to an external networking error';
    expect(await api.refusal('Publish', { topic, messages })).toMatchObject(refused(message));
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toMatchObject(
      refused(message),
    );
    await ekm.start();
    await live.pass(1_000);
    await api.publish(topic, 'after');
    expect(await pulled(subscription, 2)).toEqual(['after', 'kept']);
  });

  test.each([
    [429, 'Throttled when trying to access key URI.'],
    [503, 'the external key manager reports that it is overloaded'],
  ])(
    'bridges HTTP %i while its DEK is warm, and says what it was when it is not',
    async (status, message) => {
      const { topic, subscription } = await keyed();
      await api.publish(topic, 'kept');
      ekm.behaviour = { kind: 'status', status };
      await live.pass(6 * minuteMs + 5_000);
      await api.publish(topic, 'bridged');
      await live.restart();
      expect(await api.refusal('Pull', { subscription, maxMessages: 2 })).toMatchObject(
        refused(message),
      );
      ekm.behaviour = { kind: 'honest' };
      await live.pass(1_000);
      expect(await pulled(subscription, 2)).toEqual(['bridged', 'kept']);
    },
  );

  test('gives a manager that is too slow up at the deadline, and says so', async () => {
    const { key } = await keyed();
    ekm.behaviour = { kind: 'slow', ms: 600_000 };
    const request = { name: api.topicName('slow'), kmsKeyName: key.name };
    let isOver = false;
    const answer = api.refusal('CreateTopic', request).finally(() => {
      isOver = true;
    });
    for (let seen = ekm.count(); !isOver; seen = ekm.count()) {
      // Each try has reached the manager before its time is over.
      while (!isOver && ekm.count() === seen) await live.pass(0);
      if (!isOver) await live.pass(4_000);
    }
    expect(await answer).toMatchObject(refused('Timed out when trying to access the key.'));
  });

  test('whose owner denies the key stops, with every topic under it: the version is disabled', async () => {
    const { key, topic, subscription } = await keyed();
    await api.publish(topic, 'kept');
    ekm.behaviour = { kind: 'deny' };
    const other = { name: api.topicName('denied'), kmsKeyName: key.name };
    expect(await api.refusal('CreateTopic', other)).toMatchObject(
      refused('Permission was denied when accessing the key.'),
    );
    expect(await keys.stateOf(key)).toBe('DISABLED');
    const { length } = ekm.records;
    for (let n = 0; n < 20; n++) {
      expect(await api.refusal('Publish', { topic, messages })).toMatchObject(
        refused('is not enabled, current state is: DISABLED.'),
      );
    }
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toMatchObject(
      refused('is not enabled, current state is: DISABLED.'),
    );
    // A disabled key costs its owner's manager nothing.
    expect(ekm.records).toHaveLength(length);
    ekm.behaviour = { kind: 'honest' };
    await keys.setState(key, 'ENABLED');
    await api.publish(topic, 'after');
    expect(await pulled(subscription, 2)).toEqual(['after', 'kept']);
  });

  test('leaves an entry of our own in the audit log when the owner denies the key', async () => {
    const { key } = await keyed();
    ekm.behaviour = { kind: 'deny' };
    await api.refusal('CreateTopic', { name: api.topicName('denied'), kmsKeyName: key.name });
    const answer = await fetch(`${live.url}/v2/entries:list`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        resourceNames: [api.project],
        filter:
          'protoPayload.methodName="UpdateCryptoKeyVersion" AND ' +
          `protoPayload.resourceName="${key.version}"`,
      }),
    });
    const { entries = [] } = (await answer.json()) as { entries?: readonly object[] };
    expect(entries).toEqual([
      expect.objectContaining({
        logName: `${api.project}/logs/cloudaudit.googleapis.com%2Fsystem_event`,
      }),
    ]);
  });

  test('moves with its key to another URI, which must be that of a key', async () => {
    const { key, topic, subscription } = await keyed();
    await api.publish(topic, 'before');
    const externalKeyUri = ekm.moveKey(key.path, `${key.path}-moved`);
    const path = `${key.version}?updateMask=externalProtectionLevelOptions.externalKeyUri`;
    await rest.send('PATCH', path, { externalProtectionLevelOptions: { externalKeyUri } });
    await live.restart();
    expect(await pulled(subscription, 1)).toEqual(['before']);
    const nowhere = `${externalKeyUri}-nowhere`;
    const options = { externalProtectionLevelOptions: { externalKeyUri: nowhere } };
    await expect(rest.send('PATCH', path, options)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('Could not find a key.'),
    });
    await api.publish(topic, 'after');
  });

  test('whose key is gone asks for it once a second, whatever number of calls there are', async () => {
    const { key, topic } = await keyed();
    await api.publish(topic, 'sealed');
    await live.restart();
    ekm.deleteKey(key.path);
    ekm.records.length = 0;
    const startMs = live.clock.monotonicMs();
    for (let n = 0; n < 10; n++) {
      const all = Array.from({ length: 10 }, () => api.refusal('Publish', { topic, messages }));
      for (const refusal of await Promise.all(all)) {
        expect(refusal).toMatchObject(refused('Could not find a key.'));
      }
    }
    const seconds = (live.clock.monotonicMs() - startMs) / 1_000;
    expect(ekm.count()).toBeGreaterThan(0);
    expect(ekm.count()).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
    expect(await keys.stateOf(key)).toBe('ENABLED');
  });

  test.each(['other key', 'old key', 'short', 'garbage', 'bad base64'] as const)(
    'does not believe a manager that gives "%s": nothing is sealed, nothing is delivered, nothing is lost',
    async (kind) => {
      const { key, topic, subscription } = await keyed();
      await api.publish(topic, 'true');
      await live.restart();
      ekm.behaviour = { kind };
      const other = {
        name: api.topicName(`lied-to-${kind.replace(' ', '-')}`),
        kmsKeyName: key.name,
      };
      const answers = [
        await api.refusal('Pull', { subscription, maxMessages: 1 }),
        await api.refusal('Publish', { topic, messages }),
        await api.refusal('CreateTopic', other),
      ];
      for (const { code } of answers) expect(code).toMatch(/^(FAILED_PRECONDITION|DATA_LOSS)$/);
      ekm.behaviour = { kind: 'honest' };
      await live.pass(1_000);
      expect(await pulled(subscription, 1)).toEqual(['true']);
      await api.publish(topic, 'still');
    },
  );

  test("keeps its DEK only as long as the key's owner allows", async () => {
    ekm.cacheDuration = '60s';
    const { topic } = await keyed();
    await api.publish(topic, 'a');
    await ekm.stop();
    await api.publish(topic, 'within');
    await live.pass(61_000);
    expect(await api.refusal('Publish', { topic, messages })).toMatchObject(
      refused('due to an external networking error'),
    );
    await ekm.start();
  });

  test('is counted in the metrics, by what the manager answered', async () => {
    const { key, topic } = await keyed();
    await api.publish(topic, 'a');
    ekm.deleteKey(key.path);
    await api.refusal('CreateTopic', { name: api.topicName('gone'), kmsKeyName: key.name });
    const lines = (await live.metrics()).split('\n').filter((line) => /_ekm_|_quota_/.test(line));
    for (const series of [
      'sealpost_ekm_requests_total{operation="wrap",outcome="OK"}',
      'sealpost_ekm_requests_total{operation="wrap",outcome="EXTERNAL_NOT_FOUND"}',
      'sealpost_ekm_seconds_count{operation="unwrap"}',
      'sealpost_kms_quota_requests_total{quota_metric="external_kms_requests",outcome="granted"}',
    ]) {
      const line = lines.find((each) => each.startsWith(series)) ?? '';
      expect(Number(line.slice(series.length)), series).toBeGreaterThan(0);
    }
  });
});

describe.skipIf(!hasOpenssl)('the quota of EXTERNAL keys', () => {
  const { live, keys, rest } = useExternalKeys(['--external-quota', '1']);
  const project = 'projects/metered';

  test('refuses what is too much in a second, by the name of its metric; other levels have their own', async () => {
    const key = await keys.createExternal(project);
    const encrypt = (name: string): Promise<unknown> =>
      rest.send('POST', `${name}:encrypt`, { plaintext: 'YQ==' }).catch((error: unknown) => error);
    const answers = await Promise.all(Array.from({ length: 20 }, () => encrypt(key.name)));
    const refusals = answers.filter((answer) => answer instanceof CallRefusal);
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThan(20);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        message: expect.stringContaining(
          "Quota exceeded for quota metric 'cloudkms.googleapis.com/external_kms_requests'",
        ),
        details: [
          { reason: 'RATE_LIMIT_EXCEEDED', metadata: { service: 'cloudkms.googleapis.com' } },
          { violations: [{ quotaMetric: 'cloudkms.googleapis.com/external_kms_requests' }] },
        ],
      });
    }
    const software = await keys.create(project);
    const others = await Promise.all(Array.from({ length: 20 }, () => encrypt(software.name)));
    expect(others.filter((answer) => answer instanceof CallRefusal)).toEqual([]);
    const refused = (await live.metrics())
      .split('\n')
      .filter((line) => /_quota_requests_total\{.*outcome="refused"/.test(line));
    expect(refused).toEqual([expect.stringMatching(/external_kms_requests.* [1-9][0-9]?$/)]);
  });
});
