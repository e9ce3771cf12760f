import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import {
  exportDocument,
  performPlan,
  planFor,
  readDeclaration,
  type FileAccess,
  type JsonObject,
  type ResourceApi,
} from '../../src/declarative/index.ts';
import { DeclarativeBench, restApi } from '../support/declarative-bench.ts';
import { LiveServer } from '../support/live-server.ts';

const one = new LiveServer();
const other = new LiveServer();
const bench = new DeclarativeBench(() => one.url);
beforeAll(() => Promise.all([one.start(), other.start()]));
afterAll(() => Promise.all([one.remove(), other.remove()]));
afterAll(() => bench.remove());

const oneApi = restApi(() => one.url);
const otherApi = restApi(() => other.url);
const noFiles: FileAccess = { read: () => null, writePrivate: () => undefined };

async function apply(text: string, api: ResourceApi, nowMs: number): Promise<number> {
  const declaration = readDeclaration(new TextEncoder().encode(text), 'f.yaml', noFiles);
  const steps = await planFor(declaration, api, { isPruning: false, files: noFiles, nowMs });
  const { failed } = await performPlan(steps, api);
  if (failed !== undefined) throw failed.error as Error;
  return steps.length;
}

const id = fc.stringMatching(/^[a-f][a-z0-9~%+._-]{3,12}$/);
const label = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const labels = fc.dictionary(label, fc.stringMatching(/^[a-z0-9_-]{0,8}$/), { maxKeys: 3 });
const bindings = fc.array(
  fc.record(
    {
      role: fc.constantFrom('roles/pubsub.viewer', 'roles/pubsub.subscriber'),
      members: fc.uniqueArray(
        fc.constantFrom(
          'allUsers',
          'user:a@example.com',
          'serviceAccount:waiter',
          'serviceAgent:pubsub',
        ),
        { minLength: 1, maxLength: 3 },
      ),
      condition: fc.record({
        expression: fc.constantFrom('true', 'resource.name == "a"'),
        title: fc.constant('a title'),
      }),
    },
    { requiredKeys: ['role', 'members'] },
  ),
  { maxLength: 3 },
);
const iam = fc.record({ bindings });
const seconds = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((value) => `${value}s`);

const key = fc.record(
  {
    labels,
    rotationPeriod: seconds(86_400, 10_000_000),
    destroyScheduledDuration: seconds(86_400, 1_000_000),
    iam,
  },
  { requiredKeys: [] },
);

const topic = fc.record(
  {
    labels,
    messageRetentionDuration: seconds(600, 2_678_400),
    messageStoragePolicy: fc.record({
      allowedPersistenceRegions: fc.constant(['europe-west1', 'us-east1']),
      enforceInTransit: fc.boolean(),
    }),
    messageTransforms: fc.constant([
      { javascriptUdf: { functionName: 'f', code: 'function f(m) {\n  return m;\n}\n' } },
      {
        compression: { compressionAlgorithm: 'ZLIB', compressionMode: 'COMPRESS' },
        disabled: true,
      },
    ]),
    iam,
  },
  { requiredKeys: [] },
);

const subscription = fc.record(
  {
    labels,
    ackDeadlineSeconds: fc.integer({ min: 10, max: 600 }),
    retainAckedMessages: fc.boolean(),
    messageRetentionDuration: seconds(600, 2_678_400),
    enableMessageOrdering: fc.boolean(),
    expirationPolicy: fc.constantFrom({}, { ttl: '31536000s' }),
    filter: fc.constantFrom('', 'attributes:a', 'attributes.a = "b"'),
    retryPolicy: fc.constantFrom({}, { minimumBackoff: '1s' }, { maximumBackoff: '20.500s' }),
    iam,
  },
  { requiredKeys: [] },
);

const delivery = fc.oneof(
  fc.constant({}),
  fc.constant({ enableExactlyOnceDelivery: true }),
  fc.constant({
    pushConfig: { pushEndpoint: 'https://example.com/push', noWrapper: { writeMetadata: true } },
  }),
  fc.constant({
    pushConfig: {
      pushEndpoint: 'https://example.com/push',
      attributes: { 'x-goog-version': 'v1beta2' },
      oidcToken: { serviceAccountEmail: 'a@example.com', audience: 'b' },
    },
  }),
);

const schemas = fc.constantFrom(
  {
    type: 'AVRO',
    definition: '{"type":"record","name":"A","fields":[{"name":"a","type":"string"}]}',
  },
  { type: 'PROTOCOL_BUFFER', definition: 'syntax = "proto3";\nmessage A {\n  string a = 1;\n}\n' },
);

interface Parts {
  readonly keys: JsonObject;
  readonly schemas: JsonObject;
  readonly topics: JsonObject;
  readonly subscriptions: readonly JsonObject[];
  readonly iam: JsonObject;
}

const parts = fc.record({
  keys: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/), key, { maxKeys: 2 }),
  schemas: fc.dictionary(id, schemas, { maxKeys: 2 }),
  topics: fc.dictionary(id, topic, { minKeys: 1, maxKeys: 3 }),
  subscriptions: fc.array(
    fc.tuple(subscription, delivery).map(([fields, more]) => ({ ...fields, ...more })),
    { maxLength: 4 },
  ),
  iam,
}) as fc.Arbitrary<unknown> as fc.Arbitrary<Parts>;

/** A project in which what names another thing names one that is there. */
function projectOf({ keys, schemas, topics, subscriptions, iam }: Parts): JsonObject {
  const [schema] = Object.keys(schemas);
  const names = Object.keys(topics);
  const [first = ''] = names;
  if (schema !== undefined) {
    topics[first] = {
      ...(topics[first] as JsonObject),
      schemaSettings: { schema, encoding: 'JSON' },
    };
  }
  const subscribed = subscriptions.map((each, at) => [
    `reader-${at}`,
    {
      ...each,
      topic: names[at % names.length]!,
      ...(at === 0 && {
        deadLetterPolicy: { deadLetterTopic: 'zz-dead-letters', maxDeliveryAttempts: 7 },
      }),
    },
  ]);
  return {
    iam,
    accounts: { waiter: { displayName: 'A name' }, absent: { disabled: true } },
    keyRings: { 'europe-west1/ring': { keys } },
    schemas,
    topics: { ...topics, 'zz-dead-letters': {} },
    subscriptions: Object.fromEntries(subscribed) as JsonObject,
  };
}

describe('export', () => {
  test(
    'of anything, applied to an empty server, is exported again',
    { timeout: 240_000 },
    async () => {
      let run = 0;
      const nowMs = one.clock.wallMs();
      await fc.assert(
        fc.asyncProperty(parts, async (given) => {
          const project = `run-${run++}`;
          const text = JSON.stringify({
            projects: { [project]: projectOf(structuredClone(given)) },
          });
          expect(await apply(text, oneApi, nowMs)).toBeGreaterThan(0);
          expect(await apply(text, oneApi, nowMs)).toBe(0);
          const exported = await exportDocument(oneApi, [project], false);
          expect(exported.notes).toEqual([]);
          expect(await apply(exported.text, oneApi, nowMs)).toBe(0);
          await apply(exported.text, otherApi, nowMs);
          expect((await exportDocument(otherApi, [project], false)).text).toBe(exported.text);
          expect(await apply(text, otherApi, nowMs)).toBe(0);
        }),
        { numRuns: 8 },
      );
    },
  );

  test('is what a person would write, and holds no secret', async () => {
    await bench.apply(`
projects:
  shop:
    accounts: {waiter: {displayName: The waiter, keyFile: waiter.json}}
    topics: {orders: {labels: {b: x, a: y}}}
    subscriptions: {kitchen: {topic: orders, enableExactlyOnceDelivery: true}}
`);
    const { code, stdout, stderr } = await bench.cli('export-config', '--project', 'shop');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`projects:
  shop:
    accounts:
      waiter:
        displayName: The waiter
    topics:
      orders:
        labels:
          a: y
          b: x
    subscriptions:
      kitchen:
        topic: orders
        ackDeadlineSeconds: 60
        enableExactlyOnceDelivery: true
`);
  });

  test('says what it leaves out', async () => {
    await bench.apply(
      'projects: {left: {topics: {gone: }, subscriptions: {orphan: {topic: gone}}}}',
    );
    await oneApi({ method: 'DELETE', path: 'projects/left/topics/gone' });
    const { stdout, stderr } = await bench.cli('export-config', '--project', 'left');
    expect(parse(stdout)).toEqual({ projects: { left: {} } });
    expect(stderr).toBe(
      'projects/left/subscriptions/orphan: its topic was deleted; it is left out.\n',
    );
  });

  test('writes several projects, and the policy of the server, to a file', async () => {
    const file = bench.path('out.yaml');
    await bench.apply(
      'organization: {iam: {bindings: [{role: roles/viewer, members: ["user:a@example.com"]}]}}',
    );
    const flags = ['--project', 'shop,left', '--organization', '--out', file];
    const { code, stdout } = await bench.cli('export-config', ...flags);
    expect([code, stdout]).toEqual([0, `Wrote 2 projects to ${file}.\n`]);
    expect((await bench.cli('apply', file, '--dry-run')).stdout).toBe('Nothing to do.\n');
    const none = await bench.cli('export-config');
    expect([none.code, none.stderr]).toEqual([
      2,
      'sealpost export-config: No project is named. Add --project ID, or set SEALPOST_PROJECT.\n',
    ]);
  });
});
