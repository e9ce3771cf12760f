import { request } from 'node:http';

import { describe, expect, test } from 'vitest';
import { run as runClient } from '@googleapis/run';

import { freshId } from '../support/live-api.ts';
import { knativeService, services, useRunFixture } from '../support/run-fixture.ts';

const live = useRunFixture();

function namesIn(json: unknown): string[] {
  const { items } = json as { items: { metadata: { name: string } }[] };
  return items.map(({ metadata }) => metadata.name);
}

/** An own project, with services of these ids. */
async function projectWith(...ids: readonly string[]): Promise<string> {
  const project = freshId('project');
  for (const id of ids) {
    const metadata = { labels: { id } };
    const path = `/v1/projects/${project}/locations/us-central1/services`;
    const { status } = await live.call('POST', path, knativeService(id, { metadata }));
    expect(status).toBe(200);
  }
  return project;
}

describe('a list of services', () => {
  test('goes on where its page ended', async () => {
    const project = await projectWith('a', 'b', 'c');
    const path = `/apis/serving.knative.dev/v1/namespaces/${project}/services?limit=2`;
    const first = await live.call('GET', path);
    expect(first.json).toMatchObject({
      apiVersion: 'serving.knative.dev/v1',
      kind: 'ServiceList',
      metadata: { continue: '2' },
    });
    expect(namesIn(first.json)).toEqual(['a', 'b']);
    const second = await live.call('GET', `${path}&continue=2`);
    expect(second.json).toMatchObject({ metadata: {} });
    expect(namesIn(second.json)).toEqual(['c']);
  });

  test('has those that the selector names', async () => {
    const project = await projectWith('a', 'b');
    const path = `/v1/projects/${project}/locations/-/services?labelSelector=`;
    expect(namesIn((await live.call('GET', `${path}id%3Db`)).json)).toEqual(['b']);
    expect(namesIn((await live.call('GET', `${path}id==a,x%20=%20b`)).json)).toEqual([]);
  });

  test.each([
    ['watch=true', 'The field "watch" of List is not supported by this server.'],
    ['fieldSelector=a%3Db', 'The field "fieldSelector" of List'],
    ['labelSelector=a!%3Db', 'The field "labelSelector: other than =" of List'],
    ['labelSelector=a%20in%20(b)', 'The field "labelSelector: other than =" of List'],
    ['labelSelector=%3Db', 'labelSelector: "=b" must be KEY=VALUE.'],
    ['labelSelector=a%3Db,a%3Dc', 'labelSelector: "a" cannot have two values.'],
    ['limit=many', 'limit: "many" must be a positive number.'],
    ['nosuch=1', 'Unknown name "nosuch": Cannot bind query parameter.'],
  ])('refuses %s', async (query, message) => {
    const { status, text } = await live.call('GET', `${services}?${query}`);
    expect([status, text.replaceAll('\\"', '"')]).toEqual([400, expect.stringContaining(message)]);
  });
});

describe('the location of a request', () => {
  const create = async (host: string, id: string): Promise<string> => {
    const body = JSON.stringify(knativeService(id));
    const { port } = new URL(live.url);
    return await new Promise((resolve, reject) => {
      const call = request(
        { host: '127.0.0.1', port, path: services, method: 'POST', headers: { host } },
        (response) => {
          response.setEncoding('utf8');
          let text = '';
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve(text));
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  };

  test.each([
    ['europe-west1-run.localhost:8085', 'europe-west1'],
    ['run.localhost', 'us-central1'],
    ['localhost:1', 'us-central1'],
  ])('is that of the host %s', async (host, location) => {
    const answer = await create(host, freshId('placed'));
    expect(answer).toContain(`"cloud.googleapis.com/location": "${location}"`);
  });

  test('in the path counts before it', async () => {
    const id = freshId('placed');
    const path = '/v1/projects/p/locations/asia-east1/services';
    expect((await live.call('POST', path, knativeService(id))).status).toBe(200);
    expect((await live.call('GET', `${path}/${id}`)).status).toBe(200);
    expect((await live.call('GET', `${services}/${id}`)).status).toBe(404);
  });
});

describe('the policy of a service', () => {
  const policyOf = async (): Promise<string> => {
    const id = freshId('policy');
    await live.call('POST', services, knativeService(id));
    return `/v1/projects/p/locations/us-central1/services/${id}`;
  };

  test('is what was set last', async () => {
    const path = await policyOf();
    const query = 'options.requestedPolicyVersion=3';
    expect((await live.call('GET', `${path}:getIamPolicy?${query}`)).json).toEqual({
      etag: 'ACAB',
    });
    const bindings = [{ role: 'roles/run.invoker', members: ['allUsers'] }];
    const { json } = await live.call('POST', `${path}:setIamPolicy`, { policy: { bindings } });
    expect(json).toMatchObject({ bindings, version: 1 });
    expect((await live.call('GET', `${path}:getIamPolicy`)).json).toEqual(json);
  });

  test('has no conditions', async () => {
    const path = await policyOf();
    const binding = { role: 'r', members: [], condition: { expression: 'true' } };
    const policy = { bindings: [binding] };
    const { status, text } = await live.call('POST', `${path}:setIamPolicy`, { policy });
    expect([status, text]).toEqual([400, expect.stringContaining('bindings.condition')]);
    expect((await live.call('POST', `${path}:setIamPolicy`, {})).text).toContain(
      'Request field policy must be specified.',
    );
  });

  test('refuses nobody', async () => {
    const permissions = ['run.services.setIamPolicy'];
    const path = '/v1/projects/p/locations/us-central1/services/not-yet:testIamPermissions';
    expect((await live.call('POST', path, { permissions })).json).toEqual({ permissions });
  });
});

test('the APIs that are served are enabled, and no others', async () => {
  const base = '/v1/projects/p/services';
  const name = 'run.googleapis.com';
  const enabled = { name: `projects/p/services/${name}`, state: 'ENABLED', config: { name } };
  expect((await live.call('GET', `${base}/${name}`)).json).toMatchObject(enabled);
  expect((await live.call('POST', `${base}/${name}:enable`)).json).toMatchObject({
    done: true,
    response: { service: enabled },
  });
  const batch = await live.call('POST', `${base}:batchEnable`, { serviceIds: [name] });
  expect(batch.json).toMatchObject({ done: true, response: { services: [enabled] } });
  const { status, json } = await live.call('GET', `${base}/compute.googleapis.com`);
  expect([status, json]).toMatchObject([
    404,
    { error: { message: 'The API compute.googleapis.com is not served by this server.' } },
  ]);
});

test('the instances of a service are told with their times', async () => {
  const id = freshId('running');
  await live.call('POST', services, knativeService(id));
  const revision = { project: 'p', location: 'us-central1', serviceId: id, revisionId: `${id}-1` };
  const common = { revision, driver: 'fake', startedMs: 0, bytes: 7 };
  live.run.instances = [
    { ...common, id: 'i1', state: 'READY', stoppedMs: null, why: null, times: null },
    {
      ...common,
      id: 'i2',
      state: 'STOPPED',
      stoppedMs: 1_500,
      why: 'key revoked',
      times: { unwrapMs: 1, openMs: 2, applyMs: 3, probeMs: 4 },
    },
  ];
  const path = `/sealpost/v1/projects/p/locations/us-central1/services/${id}/instances`;
  const told = {
    revision: `projects/p/locations/us-central1/services/${id}/revisions/${id}-1`,
    driver: 'fake',
    startTime: '1970-01-01T00:00:00.000Z',
    bytes: 7,
  };
  expect((await live.call('GET', path)).json).toEqual({
    instances: [
      { ...told, id: 'i1', state: 'READY' },
      {
        ...told,
        id: 'i2',
        state: 'STOPPED',
        stopTime: '1970-01-01T00:00:01.500Z',
        reason: 'key revoked',
        times: { unwrapMs: 1, openMs: 2, applyMs: 3, probeMs: 4 },
      },
    ],
  });
});

test('the client of Google’s for Node makes, lists, changes and removes a service', async () => {
  const { namespaces } = runClient({ version: 'v1', rootUrl: `${live.url}/` });
  const project = freshId('project');
  const parent = `namespaces/${project}`;
  const name = `${parent}/services/hello`;
  const requestBody = knativeService('hello');
  const { data } = await namespaces.services.create({ parent, requestBody });
  expect(data.status?.url).toBe('http://hello.localhost:8085');
  data.spec!.template!.spec!.timeoutSeconds = 11;
  const replaced = await namespaces.services.replaceService({ name, requestBody: data });
  expect(replaced.data.metadata?.generation).toBe(2);
  const revisions = await namespaces.revisions.list({ parent });
  expect(namesIn(revisions.data)).toEqual(['hello-00001-abc', 'hello-00002-abc']);
  const refused = namespaces.services.create({ parent, requestBody });
  await expect(refused).rejects.toMatchObject({ status: 409 });
  const { data: answer } = await namespaces.services.delete({ name });
  expect(answer.status).toBe('Success');
  expect(namesIn((await namespaces.services.list({ parent })).data)).toEqual([]);
});
