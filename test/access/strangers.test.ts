import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { accessRuleOf, accessRules } from '../../src/iam/index.ts';
import { ClientFrameSchema } from '../../src/proto/sealpost/v1/websocket_pb.ts';
import { type Answer, AccountServer } from '../support/account-server.ts';

const project = 'projects/shop';
const place = `${project}/locations/global`;
const ring = `${place}/keyRings/ring`;
const key = `${ring}/cryptoKeys/key`;

/** Ids of everything that templates ask for; what does not exist is made halfway. */
const ids: Readonly<Record<string, string>> = {
  apiKeys: '0123456789abcdef',
  cryptoKeys: 'key',
  cryptoKeyVersions: '1',
  ekmConnections: 'connection',
  importJobs: 'job',
  keyHandles: 'handle',
  keyRings: 'ring',
  keys: '0123456789abcdef0123456789abcdef01234567',
  locations: 'global',
  operations: 'operation',
  organizations: 'sealpost',
  projects: 'shop',
  retiredResources: 'retired',
  schemas: 'receipt',
  serviceAccounts: 'seller@shop.iam.gserviceaccount.com',
  services: 'front',
  snapshots: 'evening',
  subscriptions: 'kitchen',
  topics: 'orders',
  // A parent of any kind.
  v2: 'projects',
};
const variables: Readonly<Record<string, string>> = {
  location: 'us-central1',
  project: 'shop',
  project_id: 'shop',
  revision: 'front-00001-abc',
  service: 'front',
};

/** What a body must say for the call to be about something. */
const bodies: Readonly<Record<string, object>> = {
  'google.logging.v2.LoggingServiceV2.ListLogEntries': { resourceNames: [project] },
  'google.pubsub.v1.Subscriber.CreateSubscription': { topic: `${project}/topics/orders` },
  'google.pubsub.v1.Subscriber.CreateSnapshot': {
    subscription: `${project}/subscriptions/kitchen`,
  },
  'sealpost.v1.Identity.CreateBrowserToken': {
    subject: 'page',
    grants: [{ verb: 'publish', resources: [`${project}/topics/orders`] }],
  },
};

/** Requests and other frames of a session; each new one needs a row, or a reason to have none. */
const frameKinds: readonly string[] = [
  'acknowledge',
  'hello',
  'modify_ack_deadline',
  'ping',
  'publish',
  'subscribe',
  'unsubscribe',
];
/** Paths that are no routes, and requests of a session. */
const elsewhere: readonly string[] = [
  'sealpost.v1.Server.GetMetrics',
  'sealpost.v1.WebSocket.Acknowledge',
  'sealpost.v1.WebSocket.ModifyAckDeadline',
  'sealpost.v1.WebSocket.Publish',
  'sealpost.v1.WebSocket.Subscribe',
];

/** What existed before the stranger came the second time. */
const creations: readonly (readonly [method: string, path: string, body: object])[] = [
  ['POST', `/v1/${place}/keyRings?keyRingId=ring`, {}],
  ['POST', `/v1/${ring}/cryptoKeys?cryptoKeyId=key`, { purpose: 'ENCRYPT_DECRYPT' }],
  ['PUT', `/v1/${project}/topics/orders`, {}],
  ['PUT', `/v1/${project}/subscriptions/kitchen`, { topic: `${project}/topics/orders` }],
  ['PUT', `/v1/${project}/snapshots/evening`, { subscription: `${project}/subscriptions/kitchen` }],
  [
    'POST',
    `/v1/${project}/schemas?schemaId=receipt`,
    { type: 'AVRO', definition: '{"type":"record","name":"R","fields":[]}' },
  ],
  ['POST', `/v1/${project}/serviceAccounts`, { accountId: 'seller' }],
];

interface Request {
  readonly rpc: string;
  readonly method: string;
  readonly path: string;
}

const guarded = new AccountServer();
beforeAll(async () => {
  await guarded.start(['stranger', 'keeper']);
});
afterAll(() => guarded.stop());

function requests(): Request[] {
  return guarded.server.served.flatMap(({ rpc, method, template }) =>
    method === undefined || template === undefined ? [] : [{ rpc, method, path: pathOf(template) }],
  );
}

/** A path that the template takes: each asterisk is the id of the collection before it. */
function pathOf(template: string): string {
  const filled = template.replaceAll(/\{([^=}]+)(?:=([^}]*))?\}/g, (_, name: string, pattern) =>
    pattern === undefined ? (variables[name] ?? 'unknown') : String(pattern),
  );
  const parts: string[] = [];
  for (const part of filled.split('/')) {
    const id = ids[parts.at(-1) ?? ''] ?? 'unknown';
    parts.push(part.replace(/^\*\*?/, () => id));
  }
  return parts.join('/');
}

async function answers(name: string): Promise<Map<string, Answer>> {
  const found = new Map<string, Answer>();
  for (const { rpc, method, path } of requests()) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : (bodies[rpc] ?? {});
    found.set(`${method} ${path} (${rpc})`, await guarded.call(name, method, path, body));
  }
  return found;
}

const rpcOf = (called: string): string => /\((.+)\)$/.exec(called)![1]!;

/** Rows that ask for something of every call. */
const asks = (rpc: string): boolean =>
  accessRuleOf(rpc)?.demands.some(({ isOptional }) => isOptional !== true) ?? false;

test('everything that is served has a row in the table of permissions', () => {
  const { served } = guarded.server;
  expect(served.length).toBeGreaterThan(150);
  const unlisted = served.filter(({ rpc }) => accessRuleOf(rpc) === undefined);
  expect([...new Set(unlisted.map(({ rpc }) => rpc))]).toEqual([]);
});

test('every row of the table is of something that is served, or says what stands for it', () => {
  const served = new Set(guarded.server.served.map(({ rpc }) => rpc));
  const others = accessRules.map(({ rpc }) => rpc).filter((rpc) => !served.has(rpc));
  expect(others.toSorted()).toEqual(elsewhere);
});

test('every request of the WebSocket protocol has a row', () => {
  const cases = ClientFrameSchema.fields
    .filter(({ oneof }) => oneof !== undefined)
    .map(({ name }) => name);
  expect(cases.toSorted()).toEqual(frameKinds);
  const session = accessRules.filter(({ rpc }) => rpc.startsWith('sealpost.v1.WebSocket.'));
  expect(session.map(({ rpc }) => rpc.slice(rpc.lastIndexOf('.') + 1)).toSorted()).toEqual([
    'Acknowledge',
    'ModifyAckDeadline',
    'Publish',
    'Subscribe',
  ]);
});

describe('a stranger', () => {
  test('is refused at every path, in the same words whether anything is there or not', async () => {
    const before = await answers('stranger');
    for (const [called, { status: code, body }] of before) {
      if (!asks(rpcOf(called))) continue;
      const isBuilt = code !== 501;
      expect(isBuilt ? code : 403, `${called} ${JSON.stringify(body)}`).toBe(403);
    }
    for (const [method, path, body] of creations) await guarded.administer(method, path, body);
    const after = await answers('stranger');
    for (const [called, answer] of before) {
      if (asks(rpcOf(called))) expect(after.get(called), called).toEqual(answer);
    }
  });

  test('learns nothing from testIamPermissions', async () => {
    for (const resource of [
      `${project}/topics/orders`,
      `${project}/topics/nothing`,
      key,
      project,
    ]) {
      const path = `/v1/${resource}:testIamPermissions`;
      const permissions = ['pubsub.topics.get', 'cloudkms.cryptoKeys.get'];
      const answer = await guarded.call('stranger', 'POST', path, { permissions });
      expect(answer).toEqual({ status: 200, body: {} });
    }
  });

  test('is refused by every method over gRPC', async () => {
    const client = new Client(guarded.server.address, credentials.createInsecure());
    try {
      const overGrpc = guarded.server.served.filter(({ template }) => template === undefined);
      for (const { rpc } of overGrpc) {
        if (!asks(rpc) || streams.has(rpc)) continue;
        const code = await codeOf(client, rpc);
        expect([status.PERMISSION_DENIED, status.UNIMPLEMENTED], rpc).toContain(code);
      }
    } finally {
      client.close();
    }
  });
});

/** An empty message; of what looks at names first, one with a name. */
function requestOf(rpc: string): Buffer {
  const name = Buffer.from(names[rpc] ?? '');
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

const names: Readonly<Record<string, string>> = {
  'google.pubsub.v1.Publisher.Publish': `${project}/topics/orders`,
  'google.pubsub.v1.Subscriber.Pull': `${project}/subscriptions/kitchen`,
  'google.pubsub.v1.Subscriber.Acknowledge': `${project}/subscriptions/kitchen`,
  'google.pubsub.v1.Subscriber.ModifyAckDeadline': `${project}/subscriptions/kitchen`,
};

function codeOf(client: Client, rpc: string): Promise<number> {
  const at = rpc.lastIndexOf('.');
  const metadata = new Metadata();
  metadata.set('x-goog-api-key', guarded.key('stranger'));
  const asIs = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      `/${rpc.slice(0, at)}/${rpc.slice(at + 1)}`,
      asIs,
      asIs,
      requestOf(rpc),
      metadata,
      (error: ServiceError | null) => resolve(error?.code ?? status.OK),
    );
  });
}

const streams: ReadonlySet<string> = new Set([
  'google.pubsub.v1.Subscriber.StreamingPull',
  'sealpost.v1.KeyWatch.Watch',
]);

/** Outside the project, where the roles of this test do not reach. */
const elsewherePattern = /\/(?:billingAccounts|folders|organizations)\//;

test('whoever has the roles is refused nowhere', async () => {
  await guarded.grant(project, 'roles/owner', 'keeper');
  await guarded.grant('organizations/sealpost', 'roles/sealpost.admin', 'keeper');
  for (const [called, { status: code, body }] of await answers('keeper')) {
    if (rpcOf(called) === 'google.iam.v1.IAMPolicy.SetIamPolicy') continue;
    if (elsewherePattern.test(called)) continue;
    expect(code, `${called} ${JSON.stringify(body)}`).not.toBe(403);
  }
});
