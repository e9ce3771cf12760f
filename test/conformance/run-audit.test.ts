import { expect, test } from 'vitest';

import { freshId } from '../support/live-api.ts';
import { knativeService, services, useRunFixture } from '../support/run-fixture.ts';

const live = useRunFixture(true);
const rpc = 'google.cloud.run.v1.Services';

test('a write is recorded with who, where, what and the permission', async () => {
  const name = freshId('s');
  const metadata = { labels: { team: 'ledger' } };
  await live.call('POST', services, knativeService(name, { metadata }), { 'user-agent': 'a-test' });
  expect(live.audit.entries.at(-1)).toEqual({
    kind: 'activity',
    project: 'p',
    serviceName: 'run.googleapis.com',
    methodName: `${rpc}.CreateService`,
    resourceName: `namespaces/p/services/${name}`,
    resource: {
      type: 'cloud_run_revision',
      labels: {
        project_id: 'p',
        location: 'us-central1',
        service_name: name,
        configuration_name: name,
        revision_name: '',
      },
    },
    caller: { principalEmail: 'anonymous', callerIp: '127.0.0.1', userAgent: 'a-test' },
    authorization: [
      {
        resource: `namespaces/p/services/${name}`,
        permission: 'run.services.create',
        granted: true,
      },
    ],
    request: {
      '@type': 'type.googleapis.com/google.cloud.run.v1.CreateServiceRequest',
      body: knativeService(name, { metadata }),
    },
    response: expect.objectContaining({ kind: 'Service' }) as unknown,
  });
});

test('no value of a variable or of a header is recorded, nor a body that cannot be read', async () => {
  const name = freshId('s');
  const before = live.audit.entries.length;
  const secret = 'hunter2';
  const container = {
    env: [{ name: 'PASSWORD', value: secret }],
    startupProbe: { httpGet: { httpHeaders: [{ name: 'token', value: secret }] } },
  };
  const { text } = await live.call('POST', services, knativeService(name, { container }));
  expect(text).toContain(secret);
  const numbers = { env: [{ name: 'PIN', value: { hunter2: 1 } }] };
  const wrong = await live.call('POST', services, knativeService(name, { container: numbers }));
  expect(wrong.text).toContain("Invalid value at 'spec.template.spec.containers[0].env[0].value'");
  const broken = `{"env": {"value": "${secret}" "`;
  expect((await live.call('PUT', `${services}/${name}`, broken)).text).toContain(secret);
  const yaml = { 'content-type': 'application/yaml' };
  await live.call('PUT', `${services}/${name}`, `${secret}: [`, yaml);
  const written = live.audit.entries.slice(before);
  expect(written.map(({ methodName, status }) => [methodName, status?.code ?? 'OK'])).toEqual([
    [`${rpc}.CreateService`, 'OK'],
    [`${rpc}.CreateService`, 'INVALID_ARGUMENT'],
    [`${rpc}.ReplaceService`, 'INVALID_ARGUMENT'],
    [`${rpc}.ReplaceService`, 'INVALID_ARGUMENT'],
  ]);
  expect(JSON.stringify(written)).not.toContain(secret);
  expect(JSON.stringify(written)).toContain('"env":[{"name":"PASSWORD"}]');
});

test('what is done to a revision is recorded under its service', async () => {
  const name = freshId('s');
  await live.call('POST', services, knativeService(name));
  const path = `/apis/serving.knative.dev/v1/namespaces/p/revisions/${name}-00001-abc`;
  await live.call('DELETE', path);
  expect(live.audit.entries.at(-1)).toMatchObject({
    methodName: 'google.cloud.run.v1.Revisions.DeleteRevision',
    resourceName: `namespaces/p/revisions/${name}-00001-abc`,
    resource: { labels: { service_name: name, revision_name: `${name}-00001-abc` } },
    status: { code: 'FAILED_PRECONDITION' },
  });
});

test('reads are data access where they are recorded', async () => {
  await live.call('GET', `${services}/missing`);
  expect(live.audit.entries.at(-1)).toMatchObject({
    kind: 'data_access',
    methodName: `${rpc}.GetService`,
    status: { code: 'NOT_FOUND' },
  });
  expect(live.audit.entries.at(-1)).not.toHaveProperty('response');
});

test('a change that could not be recorded is answered with UNAVAILABLE, which says that it was made', async () => {
  const name = freshId('s');
  live.audit.isAway = true;
  const { status, text } = await live.call('POST', services, knativeService(name));
  expect([status, text]).toEqual([503, expect.stringContaining('The change was made, but')]);
  const refused = await live.call('POST', services, knativeService(name));
  expect(refused.status).toBe(409);
  live.audit.isAway = false;
  expect((await live.call('GET', `${services}/${name}`)).status).toBe(200);
});
