import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KeyFile } from '../support/key-file.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { LiveServer } from '../support/live-server.ts';
import { CallRefusal, type Json, RestWire } from '../support/wire.ts';

const project = 'projects/damage';
const live = new LiveServer();
const rest = new RestWire(() => live.url);
const keys = new LiveKeys(() => live.url);
const file = new KeyFile(live.dataDir);

interface Report {
  readonly state: string;
  readonly findings: readonly { readonly kind: string; readonly part: string }[];
}

/** A question, and the part of its answer that damage must not change. */
type Probe = () => Promise<unknown>;

let key: LiveKey;
let other: LiveKey;
let probes: Readonly<Record<string, Probe>>;
let answers: Readonly<Record<string, string>>;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Before the same is asked again. */
function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    live.clock.schedule(live.clock.monotonicMs() + ms, resolve);
  });
}

async function pulled(subscription: string): Promise<unknown> {
  const path = `${project}/subscriptions/${subscription}:pull`;
  for (let attempt = 0; attempt < 500; attempt++) {
    const { receivedMessages = [] } = await rest.send<{ receivedMessages?: readonly Json[] }>(
      'POST',
      path,
      { maxMessages: 1, returnImmediately: true },
    );
    if (receivedMessages.length > 0) return (receivedMessages[0]!['message'] as Json)['data'];
    await delay(10);
  }
  throw new Error(`${subscription} delivers nothing`);
}

async function settle(): Promise<void> {
  await live.start();
  key = await keys.createGranted(project);
  other = await keys.createGranted(project);
  for (const { name } of [key, other]) await rest.send('POST', `${name}/cryptoKeyVersions`, {});
  for (const [id, kmsKeyName] of Object.entries({ keyed: key.name, others: other.name })) {
    await rest.send('PUT', `${project}/topics/${id}`, { kmsKeyName });
    const topic = `${project}/topics/${id}`;
    await rest.send('PUT', `${project}/subscriptions/${id}`, { topic });
    await rest.send('POST', `${topic}:publish`, { messages: [{ data: base64(id) }] });
  }
  const ring = key.name.slice(0, key.name.indexOf('/cryptoKeys/'));
  const spare = `${ring}/cryptoKeys/spare`;
  const body = { purpose: 'ENCRYPT_DECRYPT' };
  const noVersion = 'skipInitialVersionCreation=true';
  await rest.send('POST', `${ring}/cryptoKeys?cryptoKeyId=spare&${noVersion}`, body);
  await rest.send('DELETE', spare);
  // Makes the key that signs ID tokens.
  await fetch(`${live.url}/sealpost/v1/jwks`);
  const sealed = await rest.send<{ ciphertext: string }>('POST', `${key.name}:encrypt`, {
    plaintext: base64('secret'),
  });
  const { ciphertext } = sealed;
  probes = {
    ring: () => rest.send('GET', ring),
    rings: () => rest.send('GET', `${project}/locations/global/keyRings`),
    key: () => rest.send('GET', key.name),
    keys: () => rest.send('GET', `${ring}/cryptoKeys`),
    version: () => rest.send('GET', key.version),
    versions: () => rest.send('GET', `${key.name}/cryptoKeyVersions`),
    policy: () => rest.send('GET', `${key.name}:getIamPolicy`),
    otherVersion: () => rest.send('GET', other.version),
    project: () => rest.send('GET', project),
    decrypt: () => rest.send('POST', `${key.name}:decrypt`, { ciphertext }),
    retired: () => rest.send('GET', `${project}/locations/global/retiredResources`),
    keyed: () => pulled('keyed'),
    others: () => pulled('others'),
    jwks: async () => {
      const reply = await fetch(`${live.url}/sealpost/v1/jwks`);
      const text = await reply.text();
      if (reply.status === 200) return JSON.parse(text) as Json;
      throw new CallRefusal((JSON.parse(text) as { error: { status: string } }).error.status, text);
    },
  };
  answers = Object.fromEntries(
    await Promise.all(
      Object.entries(probes).map(async ([name, ask]) => [name, JSON.stringify(await ask())]),
    ),
  ) as Record<string, string>;
  await live.stop();
  await file.remember();
}

/** What it answers now; of a refusal, its code. Throws on what is neither right nor a refusal. */
async function asked(name: string): Promise<string | null> {
  try {
    const answer = JSON.stringify(await probes[name]!());
    expect(answer, `${name} answers otherwise`).toBe(answers[name]);
    return null;
  } catch (error) {
    if (!(error instanceof CallRefusal)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

async function verified(): Promise<Report> {
  await fetch(`${live.url}/sealpost/v1/verification:start`, { method: 'POST' });
  for (;;) {
    const report = (await (await fetch(`${live.url}/sealpost/v1/verification`)).json()) as Report;
    if (report.state !== 'running') return report;
    await delay(5);
  }
}

/** Refusals by probe, and what a verification found damaged; null: it does not start, and says why. */
async function lifeOnDamage(): Promise<{
  readonly refusals: Readonly<Record<string, string>>;
  readonly damagedParts: readonly string[];
} | null> {
  try {
    await live.start();
  } catch (error) {
    expect(String(error)).toMatch(/damaged|Wrong root key/);
    return null;
  }
  const refusals: Record<string, string> = {};
  for (const name of Object.keys(probes)) {
    const refusal = await asked(name);
    if (refusal !== null) refusals[name] = refusal;
  }
  const { state, findings } = await verified();
  expect(state).toBe('done');
  const damaged = findings.filter(({ kind }) => kind === 'damaged');
  return { refusals, damagedParts: [...new Set(damaged.map(({ part }) => part))] };
}

beforeAll(settle, 120_000);
afterEach(async () => {
  await live.stop();
  file.restore();
});
afterAll(() => live.remove());

/** What must be refused when a row of that kind is not what was written; null: the start is. */
const kinds: readonly (readonly [
  kind: string,
  row: () => string,
  refused: readonly string[] | null,
  part: string,
])[] = [
  ['the row key', () => 'kms/row-key', null, 'keys'],
  ['the store key', () => 'store-key/1', null, 'deks'],
  ['a key ring', () => file.keys('kms/ring/projects/damage')[0]!, ['ring', 'rings'], 'keys'],
  ['a key', () => `kms/key/${key.name}`, ['key', 'keys', 'decrypt', 'keyed'], 'keys'],
  [
    'a version',
    () => `kms/version/${key.name}/0000000001`,
    ['version', 'versions', 'key', 'keys', 'decrypt', 'keyed'],
    'keys',
  ],
  ['a policy', () => `kms/policy/${key.name}`, ['policy', 'keyed'], 'keys'],
  ['a project', () => 'kms/project/damage', ['project', 'keyed', 'others'], 'keys'],
  ['a project number', () => file.keys('kms/project-number/')[0]!, [], 'keys'],
  ['a deleted key', () => file.keys('kms/retired/')[0]!, ['retired'], 'keys'],
  ['a deleted key’s name', () => file.keys('kms/retired-name/')[0]!, [], 'keys'],
  ['a DEK', () => file.keys('dek/')[0]!, [], 'deks'],
  ['the audit log’s anchor', () => 'audit/anchor', [], 'audit'],
  ['a key of ID tokens', () => file.keys('identity/signing-key/')[0]!, ['jwks'], 'keys'],
];

describe('a changed bit on the disk', () => {
  test('is not there to begin with', async () => {
    expect(await lifeOnDamage()).toEqual({ refusals: {}, damagedParts: [] });
  });

  for (const [kind, row, refused, part] of kinds) {
    for (const [where, bitOf] of [
      ['in the middle', (size: number) => size * 4 + 3],
      ['at the end', (size: number) => size * 8 - 1],
    ] as const) {
      test(`${where} of ${kind} is refused, and never acted on`, async () => {
        file.flip(row(), bitOf(file.sizeOf(row())));
        const found = await lifeOnDamage();
        if (refused === null) return expect(found).toBeNull();
        expect(found!.damagedParts).toContain(part);
        for (const name of refused) expect(Object.keys(found!.refusals)).toContain(name);
        for (const [name, refusal] of Object.entries(found!.refusals)) {
          expect(refusal, name).toMatch(/^DATA_LOSS|: the ciphertext is invalid/);
        }
        return undefined;
      });
    }
  }

  test('in the root key’s file is a start that is refused', async () => {
    const path = `${live.dataDir}-keys/root-key`;
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    changed[whole.length >> 1]! ^= 4;
    writeFileSync(path, changed);
    expect(await lifeOnDamage()).toBeNull();
    writeFileSync(path, whole);
  });
});

describe('two rows that were swapped on the disk', () => {
  const both = ['keyed', 'others'];
  const pairs: readonly (readonly [
    what: string,
    a: () => string,
    b: () => string,
    refused: readonly string[],
    part: string,
  ])[] = [
    [
      'versions of one key',
      () => `kms/version/${key.name}/0000000001`,
      () => `kms/version/${key.name}/0000000002`,
      ['version', 'versions', 'keyed'],
      'keys',
    ],
    [
      'versions of two keys',
      () => `kms/version/${key.name}/0000000001`,
      () => `kms/version/${other.name}/0000000001`,
      ['version', 'otherVersion', ...both],
      'keys',
    ],
    [
      'two keys',
      () => `kms/key/${key.name}`,
      () => `kms/key/${other.name}`,
      ['key', ...both],
      'keys',
    ],
    [
      'policies of two keys',
      () => `kms/policy/${key.name}`,
      () => `kms/policy/${other.name}`,
      ['policy', ...both],
      'keys',
    ],
    ['DEKs of two topics', () => file.keys('dek/')[0]!, () => file.keys('dek/')[1]!, both, 'deks'],
  ];
  test.each(pairs)('%s: refused in both places', async (_, a, b, refused, part) => {
    file.swap(a(), b());
    const { refusals, damagedParts } = (await lifeOnDamage())!;
    expect(Object.keys(refusals)).toEqual(expect.arrayContaining([...refused]));
    for (const name of refused) expect(refusals[name], name).toMatch(/^DATA_LOSS/);
    expect(damagedParts).toContain(part);
  });
});
