import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { JsonObject } from '../../src/declarative/index.ts';
import { SystemClock } from '../../src/runtime/index.ts';
import { claimsOf, signedToken } from '../support/access-bench.ts';
import { DeclarativeBench } from '../support/declarative-bench.ts';
import { SealpostProcess } from '../support/server-process.ts';

const examples = join(import.meta.dirname, '..', '..', 'docs', 'examples');
const bench = new DeclarativeBench(() => '');
let server: SealpostProcess;
let url: string;

/** The example of the docs, where the kitchen has a key file, too. */
beforeAll(async () => {
  bench.write('upper.js', readFileSync(join(examples, 'upper.js'), 'utf8'));
  const example = readFileSync(join(examples, 'sealpost.yaml'), 'utf8');
  const withFile = 'roles: [roles/pubsub.subscriber]';
  expect(example).toContain(withFile);
  const text = example.replace(withFile, `${withFile}\n        keyFile: kitchen.json`);
  const file = bench.write('sealpost.yaml', text);
  const flags = ['--port', '0', '--data-dir', bench.path('data'), '--config', file];
  server = new SealpostProcess(['serve', '--authentication', 'required', ...flags]);
  url = await server.url();
});

afterAll(async () => {
  await server.stop();
  bench.remove();
});

/** A token that the account of a file signs itself, as official clients do. */
function tokenOf(file: string): string {
  const held = JSON.parse(readFileSync(bench.path(file), 'utf8')) as Record<string, string>;
  const { client_email: email = '', private_key_id: keyId = '', private_key: pem = '' } = held;
  const header = { alg: 'RS256', typ: 'JWT', kid: keyId };
  return signedToken(createPrivateKey(pem), header, claimsOf({ email }, new SystemClock()));
}

async function call(
  token: string | null,
  name: string,
  body: object,
): Promise<[number, JsonObject]> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const given = { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${url}/v1/projects/cafe/${name}`, given);
  return [answer.status, (await answer.json()) as JsonObject];
}

const messages = (order: object): object => ({
  messages: [
    { data: Buffer.from(JSON.stringify(order)).toString('base64'), attributes: { urgent: 'yes' } },
  ],
});
const tea = messages({ table: 1, what: 'tea' });

describe('a server that starts with a file and asks who calls', () => {
  test('lets the account of a key file publish where its binding says, and nobody else', async () => {
    const publisher = tokenOf('publisher.json');
    expect((await call(publisher, 'topics/orders:publish', tea))[0]).toBe(200);
    expect((await call(publisher, 'topics/failed-orders:publish', tea))[0]).toBe(403);
    expect((await call(null, 'topics/orders:publish', tea))[0]).toBe(401);
    expect((await call(tokenOf('kitchen.json'), 'topics/orders:publish', tea))[0]).toBe(403);
  });

  test('has the schema refuse, and the function transform', async () => {
    const publisher = tokenOf('publisher.json');
    const [status, refusal] = await call(
      publisher,
      'topics/orders:publish',
      messages({ table: 'x' }),
    );
    expect([status, JSON.stringify(refusal)]).toEqual([400, expect.stringContaining('schema')]);
    const kitchen = tokenOf('kitchen.json');
    expect((await call(publisher, 'subscriptions/display:pull', { maxMessages: 1 }))[0]).toBe(403);
    const [, pulled] = await call(kitchen, 'subscriptions/display:pull', { maxMessages: 1 });
    const [received] = pulled['receivedMessages'] as { message: { data: string } }[];
    expect(JSON.parse(Buffer.from(received!.message.data, 'base64').toString())).toEqual({
      table: 1,
      what: 'TEA',
    });
  });
});
