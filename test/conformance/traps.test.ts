import { describe, expect, test } from 'vitest';

import { freshId, liveApi, liveGrpc, textOf, type Pulled } from '../support/live-api.ts';
import { LiveServer } from '../support/live-server.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { CallRefusal, RestWire, wireNames } from '../support/wire.ts';

/**
 * What servers of Pub/Sub have got wrong, as clients found out. Traps of streams, of filters, of
 * dead letters and of push stand with those: every such test begins with "trap:".
 */
const live = useTestedServer();
const rest = new RestWire(() => live.url);

async function refused(call: Promise<unknown>): Promise<CallRefusal> {
  const error: unknown = await call.then(
    () => new Error('the call was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof CallRefusal) return error;
  throw error;
}

const idsOf = (pulled: readonly Pulled[]): string[] => pulled.map(({ ackId }) => ackId);

describe.each(wireNames)('over %s', (wire) => {
  const api = liveApi(live, wire, 'trap');

  test('trap: an old ack id after a Seek must not acknowledge the replayed message', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { retainAckedMessages: true });
    await api.publish(topic, 'replayed');
    const [first] = await api.pull(subscription, 1);
    await api.call('Seek', { subscription, time: first!.message.publishTime });
    const [again] = await api.pull(subscription, 1);
    await api.acknowledge(subscription, [first!]);
    await live.pass(11_000);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['replayed']);
    expect(again!.ackId).not.toBe(first!.ackId);
  });

  test('trap: a Seek to the future purges once, and a message of exactly the time comes again', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { retainAckedMessages: true });
    await api.publish(topic, 'purged');
    await api.call('Seek', { subscription, time: '3000-01-01T00:00:00Z' });
    await api.publish(topic, 'next');
    const [next] = await api.pull(subscription, 1);
    expect(textOf(next!)).toBe('next');
    await api.acknowledge(subscription, [next!]);
    await api.call('Seek', { subscription, time: next!.message.publishTime });
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['next']);
  });

  test('trap: a receipt modack that follows a delivery at once succeeds, and so does a repeated ack', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, {
      ackDeadlineSeconds: 10,
      enableExactlyOnceDelivery: true,
    });
    await api.publish(topic, 'one', 'two');
    const pulled = await api.pull(subscription, 2);
    const request = { subscription, ackIds: idsOf(pulled) };
    await api.call('ModifyAckDeadline', { ...request, ackDeadlineSeconds: 60 });
    await api.call('Acknowledge', request);
    await api.call('Acknowledge', request);
    const more = await api.publish(topic, 'three').then(() => api.pull(subscription, 1));
    await live.pass(11_000);
    const [again] = await api.pull(subscription, 1);
    const stale = await refused(
      api.call('Acknowledge', { subscription, ackIds: [more[0]!.ackId, again!.ackId] }),
    );
    expect(stale.code).toBe('INVALID_ARGUMENT');
    expect(stale.details[0]).toMatchObject({
      reason: 'EXACTLY_ONCE_ACKID_FAILURE',
      domain: 'pubsub.googleapis.com',
      metadata: { [more[0]!.ackId]: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
    });
    expect(Object.keys((stale.details[0] as { metadata: object }).metadata)).toHaveLength(1);
    await live.pass(11_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('trap: max_delivery_attempts out of range is OUT_OF_RANGE, not INVALID_ARGUMENT', async () => {
    const topic = await api.topic();
    const deadLetterTopic = await api.topic();
    for (const maxDeliveryAttempts of [4, 101]) {
      const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts };
      const name = api.subscriptionName(freshId('subscription'));
      const refusal = await api.refusal('CreateSubscription', { name, topic, deadLetterPolicy });
      expect(refusal.code).toBe('OUT_OF_RANGE');
    }
  });

  test('trap: the default expiration of 31 days and the state ACTIVE are visible', async () => {
    const subscription = await api.subscription(await api.topic());
    expect(await api.call('GetSubscription', { subscription })).toMatchObject({
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
      ackDeadlineSeconds: 10,
    });
  });

  test('trap: a page token that was not given out is INVALID_ARGUMENT', async () => {
    const { project } = api;
    for (const rpc of ['ListTopics', 'ListSubscriptions', 'ListSnapshots'] as const) {
      const refusal = await api.refusal(rpc, { project, pageToken: 'invalid' });
      expect(refusal).toEqual({
        code: 'INVALID_ARGUMENT',
        message: 'Invalid page token given (token=invalid).',
      });
    }
  });

  test('trap: tags are taken and never shown', async () => {
    const tags = { '123/environment': 'production' };
    const topic = await api.topic({ tags });
    const subscription = await api.subscription(topic, { tags });
    const snapshot = await api.snapshot(subscription, { tags });
    for (const shown of [
      await api.call('GetTopic', { topic }),
      await api.call('GetSubscription', { subscription }),
      await api.call('GetSnapshot', { snapshot }),
    ]) {
      expect(shown).not.toHaveProperty('tags');
    }
  });

  test('trap: a push subscription refuses to be pulled', async () => {
    const pushConfig = { pushEndpoint: 'http://localhost:9/none' };
    const subscription = await api.subscription(await api.topic(), { pushConfig });
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toEqual({
      code: 'FAILED_PRECONDITION',
      message: 'This method is not supported for this subscription type.',
    });
  });

  test('trap: ack ids are short, safe in a URL, unlike for each delivery', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'one');
    const [first] = await api.pull(subscription, 1);
    const nack = { subscription, ackIds: [first!.ackId], ackDeadlineSeconds: 0 };
    await api.call('ModifyAckDeadline', nack);
    const [second] = await api.pull(subscription, 1);
    expect(second!.ackId).not.toBe(first!.ackId);
    // 510 KiB of 3,000 ids is what clients put into one request.
    for (const id of idsOf([first!, second!])) expect(id).toMatch(/^[\w-]{1,170}$/);
  });
});

test('trap: a stream on a push subscription is refused too', async () => {
  const api = liveApi(live, 'gRPC', 'trap');
  const pushConfig = { pushEndpoint: 'http://localhost:9/none' };
  const subscription = await api.subscription(await api.topic(), { pushConfig });
  const stream = liveGrpc(live).stream({ subscription, streamAckDeadlineSeconds: 10 });
  expect((await stream.ended).code).toBe('FAILED_PRECONDITION');
});

test('trap: ack ids are still good after a restart, and only for their subscription', async () => {
  const api = liveApi(live, 'REST', 'trap');
  const topic = await api.topic();
  const subscription = await api.subscription(topic);
  const other = await api.subscription(topic);
  await api.publish(topic, 'one');
  const pulled = await api.pull(subscription, 1);
  await live.restart();
  const foreign = { subscription: other, ackIds: idsOf(pulled) };
  expect((await api.refusal('Acknowledge', foreign)).code).toBe('INVALID_ARGUMENT');
  await api.acknowledge(subscription, pulled);
  await live.pass(11_000);
  expect(await api.pullOnce(subscription)).toEqual([]);
});

test('trap: verbs are split off before names are matched, whatever an id may hold', async () => {
  const api = liveApi(live, 'REST', 'trap');
  const topic = api.topicName('a.b~c+d%e-publish');
  await api.call('CreateTopic', { name: topic });
  const subscription = await api.subscription(topic);
  await api.publish(topic, 'one');
  expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['one']);
  const policy = await refused(rest.send('GET', `${api.project}/topics/some-topic:getIamPolicy`));
  expect(policy).toMatchObject({ code: 'NOT_FOUND' });
  expect(await rest.send('GET', `${await api.topic()}:getIamPolicy`)).toEqual({ etag: 'ACAB' });
});

test('trap: IAMPolicy is a gRPC service of its own, and tests permissions of what is not there', async () => {
  const wire = liveGrpc(live);
  const resource = Buffer.from('projects/trap/topics/some-topic');
  const request = Uint8Array.of(0x0a, resource.length, ...resource);
  const answer = await refused(wire.send('/google.iam.v1.IAMPolicy/GetIamPolicy', request));
  expect(answer).toMatchObject({
    code: 'NOT_FOUND',
    message: 'Resource not found (resource=some-topic).',
  });
  await wire.send('/google.iam.v1.IAMPolicy/TestIamPermissions', request);
});

test('trap: DetachSubscription has no body, and the body of CreateSchema is the schema', async () => {
  const api = liveApi(live, 'REST', 'trap');
  const subscription = await api.subscription(await api.topic());
  expect(await rest.send('POST', `${subscription}:detach`)).toEqual({});
  expect(await api.call('GetSubscription', { subscription })).toMatchObject({ detached: true });
  const schema = { type: 'AVRO', definition: '"string"' };
  const name = `${api.project}/schemas/${freshId('shape')}`;
  const path = `${api.project}/schemas?schemaId=${name.slice(name.lastIndexOf('/') + 1)}`;
  expect(await rest.send('POST', path, schema)).toMatchObject({ ...schema, name });
});

test('trap: an empty answer is {}, an unknown field is refused, and alt and prettyPrint are not unknown', async () => {
  const api = liveApi(live, 'REST', 'trap');
  const topic = await api.topic();
  const plain = await fetch(`${live.url}/v1/${topic}?alt=json&prettyPrint=false&$alt=json`);
  expect([plain.status, ((await plain.json()) as { name: string }).name]).toEqual([200, topic]);
  const unknown = await fetch(`${live.url}/v1/${topic}:publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"noSuchField": 1}',
  });
  expect(unknown.status).toBe(400);
  expect(await unknown.text()).toContain('Unknown name \\"noSuchField\\": Cannot find field.');
  const gone = await fetch(`${live.url}/v1/${topic}`, { method: 'DELETE' });
  expect(await gone.text()).toBe('{}\n');
});

test('trap: a key that cannot be used is FAILED_PRECONDITION for publish, pull and streams alike', async () => {
  const server = new LiveServer();
  await server.start();
  try {
    const api = liveApi(server, 'REST', 'trap-keys');
    const { topic, disable } = await topicUnderKey(server, api.project);
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'sealed');
    await disable();
    const messages = [{ data: 'eA==' }];
    expect((await api.refusal('Publish', { topic, messages })).code).toBe('FAILED_PRECONDITION');
    const pull = { subscription, maxMessages: 1 };
    expect((await api.refusal('Pull', pull)).code).toBe('FAILED_PRECONDITION');
    const wire = liveGrpc(server);
    const stream = wire.stream({ subscription, streamAckDeadlineSeconds: 10 });
    expect((await stream.ended).code).toBe('FAILED_PRECONDITION');
    wire.close();
  } finally {
    await server.remove();
  }
});

/** A topic whose key Pub/Sub's agent may use, until `disable` is called. */
async function topicUnderKey(
  server: LiveServer,
  project: string,
): Promise<{ topic: string; disable: () => Promise<void> }> {
  const wire = new RestWire(() => server.url);
  const ring = `${project}/locations/global/keyRings`;
  await wire.send('POST', `${ring}?keyRingId=ring`, {});
  const key = `${ring}/ring/cryptoKeys/key`;
  const purpose = { purpose: 'ENCRYPT_DECRYPT' };
  await wire.send('POST', `${ring}/ring/cryptoKeys?cryptoKeyId=key`, purpose);
  const { projectNumber } = await wire.send<{ projectNumber: string }>('GET', project);
  const agent = `service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  const policy = { bindings: [{ role, members: [`serviceAccount:${agent}`] }] };
  await wire.send('POST', `${key}:setIamPolicy`, { policy });
  const topic = `${project}/topics/sealed`;
  await wire.send('PUT', topic, { kmsKeyName: key });
  const version = `${key}/cryptoKeyVersions/1`;
  return {
    topic,
    disable: async () => {
      await wire.send('PATCH', `${version}?updateMask=state`, { state: 'DISABLED' });
    },
  };
}
