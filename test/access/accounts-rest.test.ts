import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { selfSigned, heldKey, type HeldKey } from '../support/access-bench.ts';
import { callAs, type JsonAnswer, startAsking } from '../support/live-accounts.ts';
import { LiveServer } from '../support/live-server.ts';

const server = new LiveServer();
let admin: HeldKey;
/** Owns the project, and nothing beyond. */
let owner: HeldKey;

const project = '/v1/projects/project-1';
const accounts = `${project}/serviceAccounts`;
const emailOf = (id: string): string => `${id}@project-1.iam.gserviceaccount.com`;
const pathOf = (id: string): string => `${accounts}/${emailOf(id)}`;

const as = (held: HeldKey, ...call: [string, string, unknown?]): Promise<JsonAnswer> =>
  callAs(server, selfSigned(held, server.clock), call);

async function newKey(id: string): Promise<HeldKey> {
  const { json } = await as(admin, 'POST', `${pathOf(id)}/keys`, {});
  const file = Buffer.from(json['privateKeyData'] as string, 'base64');
  return heldKey({ email: emailOf(id) } as HeldKey['account'], file);
}

beforeAll(async () => {
  admin = await startAsking(server);
  await as(admin, 'POST', accounts, { accountId: 'the-owner' });
  owner = await newKey('the-owner');
  const bindings = [{ role: 'roles/owner', members: [`serviceAccount:${owner.email}`] }];
  const set = await as(admin, 'POST', `${project}:setIamPolicy`, { policy: { bindings } });
  expect(set.status).toBe(200);
});

afterAll(() => server.remove());

describe('service accounts over REST', () => {
  test('are made, read, changed, listed in pages and deleted as in production', async () => {
    const serviceAccount = { displayName: 'Worker' };
    const made = await as(owner, 'POST', accounts, { accountId: 'worker-1', serviceAccount });
    expect(made.json).toEqual({
      name: `projects/project-1/serviceAccounts/${emailOf('worker-1')}`,
      projectId: 'project-1',
      uniqueId: expect.stringMatching(/^1[0-9]{20}$/) as string,
      email: emailOf('worker-1'),
      displayName: 'Worker',
      etag: expect.any(String) as string,
      oauth2ClientId: made.json['uniqueId'],
    });
    const again = await as(owner, 'POST', accounts, { accountId: 'worker-1' });
    expect(again.json['error']).toMatchObject({
      code: 409,
      message: 'Service account worker-1 already exists within project projects/project-1.',
    });
    const changed = await as(owner, 'PATCH', pathOf('worker-1'), {
      serviceAccount: { description: 'it works', displayName: 'not named' },
      updateMask: 'description',
    });
    expect(changed.json).toMatchObject({ displayName: 'Worker', description: 'it works' });
    const stale = { description: 'late', etag: made.json['etag'] };
    const late = await as(owner, 'PATCH', pathOf('worker-1'), { serviceAccount: stale });
    expect(late.json['error']).toMatchObject({ code: 409, status: 'ABORTED' });
    const byUid = `${accounts}/${String(made.json['uniqueId'])}`;
    expect((await as(owner, 'GET', byUid)).json).toEqual(changed.json);
    const first = await as(owner, 'GET', `${accounts}?pageSize=2`);
    expect(first.json['accounts']).toHaveLength(2);
    const token = encodeURIComponent(String(first.json['nextPageToken']));
    const rest = await as(owner, 'GET', `${accounts}?pageSize=2&pageToken=${token}`);
    expect(rest.json).toEqual({ accounts: [changed.json] });
    expect((await as(owner, 'DELETE', pathOf('worker-1'))).json).toEqual({});
    const gone = await as(owner, 'GET', pathOf('worker-1'));
    expect(gone.json['error']).toMatchObject({
      code: 404,
      message: `Service account projects/project-1/serviceAccounts/${emailOf('worker-1')} does not exist.`,
    });
  });

  test('are found in the project `-` by whom that project lets', async () => {
    const path = `/v1/projects/-/serviceAccounts/${owner.email}`;
    expect((await as(owner, 'GET', path)).status).toBe(200);
    const elsewhere = `/v1/projects/project-2/serviceAccounts/${owner.email}`;
    expect((await as(owner, 'GET', elsewhere)).status).toBe(403);
    const unknown = '/v1/projects/-/serviceAccounts/100000000000000000001';
    expect((await as(owner, 'GET', unknown)).status).toBe(403);
  });

  test('are refused with the field that is wrong', async () => {
    const bad = await as(owner, 'POST', accounts, { accountId: 'Bad' });
    expect(bad.json['error']).toMatchObject({
      code: 400,
      details: [{ fieldViolations: [{ field: 'account_id' }] }],
    });
    const unknown = await as(owner, 'POST', accounts, { accountId: 'worker-2', extra: 1 });
    expect(unknown.json['error']).toMatchObject({ code: 400 });
    const mask = { serviceAccount: {}, updateMask: 'email' };
    expect((await as(owner, 'PATCH', pathOf('the-owner'), mask)).status).toBe(400);
  });
});

describe('keys over REST', () => {
  test('are made, listed, read, disabled, enabled, uploaded and deleted', async () => {
    await as(owner, 'POST', accounts, { accountId: 'key-user' });
    const keys = `${pathOf('key-user')}/keys`;
    const made = await as(owner, 'POST', keys, {
      privateKeyType: 'TYPE_GOOGLE_CREDENTIALS_FILE',
      keyAlgorithm: 'KEY_ALG_RSA_2048',
    });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const held = heldKey(
      { email: emailOf('key-user') } as HeldKey['account'],
      Buffer.from(made.json['privateKeyData'] as string, 'base64'),
    );
    const path = `${keys}/${held.keyId}`;
    expect((await as(owner, 'GET', keys)).json['keys']).toEqual([
      expect.objectContaining({ name: made.json['name'], keyOrigin: 'GOOGLE_PROVIDED' }),
    ]);
    expect((await as(owner, 'GET', `${keys}?keyTypes=SYSTEM_MANAGED`)).json).toEqual({});
    const raw = await as(owner, 'GET', `${path}?publicKeyType=TYPE_RAW_PUBLIC_KEY`);
    const pem = Buffer.from(raw.json['publicKeyData'] as string, 'base64').toString();
    expect(pem).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    // Whether the key is let in at all: what it may do is another question.
    const isLetIn = async (): Promise<boolean> => (await as(held, 'GET', keys)).status !== 401;
    expect(await isLetIn()).toBe(true);
    await as(owner, 'POST', `${path}:disable`, {});
    expect(await isLetIn()).toBe(false);
    await as(owner, 'POST', `${path}:enable`, {});
    expect(await isLetIn()).toBe(true);
    expect((await as(owner, 'DELETE', path)).json).toEqual({});
    expect(await isLetIn()).toBe(false);
    const publicKeyData = Buffer.from(pem).toString('base64');
    const uploaded = await as(owner, 'POST', `${keys}:upload`, { publicKeyData });
    expect(uploaded.json).toMatchObject({ keyOrigin: 'USER_PROVIDED' });
    const again = { ...held, keyId: String(uploaded.json['name']).split('/').at(-1)! };
    expect((await as(again, 'GET', keys)).status).toBe(403);
  });

  test('of a kind that nobody has here are refused by name', async () => {
    const keys = `${pathOf('the-owner')}/keys`;
    for (const body of [
      { privateKeyType: 'TYPE_PKCS12_FILE' },
      { keyAlgorithm: 'KEY_ALG_RSA_1024' },
    ]) {
      expect((await as(owner, 'POST', keys, body)).status).toBe(400);
    }
  });

  test('for API calls are shown once, and die at once', async () => {
    await as(owner, 'POST', accounts, { accountId: 'api-user' });
    const keys = `${pathOf('api-user')}/apiKeys`;
    const made = await as(owner, 'POST', keys, { displayName: 'ci' });
    const text = made.json['keyString'] as string;
    expect(text).toMatch(/^spk_[A-Za-z0-9_-]{43}$/);
    const { keyString: _, ...shown } = made.json;
    expect((await as(owner, 'GET', keys)).json).toEqual({ apiKeys: [shown] });
    const asked = (): Promise<Response> => fetch(`${server.url}${accounts}?key=${text}`);
    expect((await asked()).status).toBe(403);
    const path = `/v1/${String(made.json['name'])}`;
    expect((await as(owner, 'GET', path)).json).toEqual(shown);
    await as(owner, 'DELETE', path);
    expect((await asked()).status).toBe(401);
  });
});

describe('an account with rights on the whole server', () => {
  const denied = {
    code: 403,
    message: expect.stringContaining('sealpost.accounts.administer') as string,
  };

  test('gets no key, and no other change, from an owner of its project', async () => {
    const path = pathOf('first-admin');
    const calls: [string, string, unknown?][] = [
      ['POST', `${path}/keys`, {}],
      ['POST', `${path}/keys:upload`, { publicKeyData: 'AA==' }],
      ['POST', `${path}/apiKeys`, {}],
      ['DELETE', `${path}/keys/${admin.keyId}`],
      ['POST', `${path}/keys/${admin.keyId}:enable`, {}],
      ['POST', `${path}:disable`, {}],
      ['PATCH', path, { serviceAccount: { displayName: 'mine' } }],
      ['DELETE', path],
    ];
    for (const call of calls) {
      expect((await as(owner, ...call)).json['error']).toMatchObject(denied);
    }
    expect((await as(owner, 'GET', path)).status).toBe(200);
    expect((await as(admin, 'POST', `${path}/apiKeys`, {})).status).toBe(200);
  });

  test('is not made anew by an owner of its project, after it was deleted', async () => {
    const id = 'server-viewer';
    await as(admin, 'POST', accounts, { accountId: id });
    const member = `serviceAccount:${emailOf(id)}`;
    const policy = { bindings: [{ role: 'roles/sealpost.viewer', members: [member] }] };
    const organization = '/v1/organizations/sealpost:setIamPolicy';
    expect((await as(admin, 'POST', organization, { policy })).status).toBe(200);
    expect((await as(owner, 'POST', `${pathOf(id)}/keys`, {})).json['error']).toMatchObject(denied);
    expect((await as(admin, 'POST', `${pathOf(id)}/keys`, {})).status).toBe(200);
    await as(admin, 'DELETE', pathOf(id));
    const anew = await as(owner, 'POST', accounts, { accountId: id });
    expect(anew.json['error']).toMatchObject(denied);
    await as(admin, 'POST', organization, { policy: { bindings: [] } });
    expect((await as(owner, 'POST', accounts, { accountId: id })).status).toBe(200);
  });

  test('or that another project still names, neither', async () => {
    const id = 'guest-there';
    await as(owner, 'POST', accounts, { accountId: id });
    const member = `serviceAccount:${emailOf(id)}`;
    const policy = { bindings: [{ role: 'roles/pubsub.publisher', members: [member] }] };
    const elsewhere = '/v1/projects/project-2:setIamPolicy';
    expect((await as(admin, 'POST', elsewhere, { policy })).status).toBe(200);
    await as(owner, 'DELETE', pathOf(id));
    const anew = await as(owner, 'POST', accounts, { accountId: id });
    expect(anew.json['error']).toMatchObject(denied);
    expect((await as(admin, 'POST', accounts, { accountId: id })).status).toBe(200);
  });
});

describe('what a policy may say', () => {
  test('is told to whoever is authenticated: the roles that grant something here', async () => {
    const { status, json } = await as(owner, 'GET', '/v1/roles');
    expect(status).toBe(200);
    const names = (json['roles'] as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['roles/owner', 'roles/pubsub.publisher']));
    expect(names).toEqual(names.toSorted());
  });

  test('and whether a condition is evaluated here', async () => {
    const lint = (expression: string): Promise<JsonAnswer> =>
      as(owner, 'POST', '/v1/iamPolicies:lintPolicy', { condition: { expression } });
    expect((await lint('request.time < timestamp("2030-01-01T00:00:00Z")')).json).toEqual({});
    const { status, json } = await lint('resource.name.matches("a+")');
    expect(status).toBe(200);
    expect(json['lintResults']).toEqual([
      expect.objectContaining({
        severity: 'ERROR',
        fieldName: 'condition.expression',
        debugMessage: expect.stringContaining('matches') as string,
      }),
    ]);
  });
});
