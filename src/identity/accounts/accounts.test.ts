import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  caller,
  heldKey,
  makeAccount,
  openAccessBench,
  ownUrl,
  selfSigned,
} from '../../../test/support/access-bench.ts';
import { accountEmail, parseAccountEmail } from '../../rpc/index.ts';
import { accountRowsPrefix } from './account-rows.ts';
import { base64Bytes } from './credentials-file.ts';

const project = 'project-1';
const plain = { project, displayName: '', description: '' };

describe('an account', () => {
  test.each([
    'short',
    'a'.repeat(31),
    '1digit',
    'Upper-case',
    'ends-with-',
    'under_score',
    'a b c d',
  ])('cannot be called %s', async (id) => {
    const { store } = await openAccessBench();
    await expect(store.accounts.create({ ...plain, id }, caller)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: [{ fieldViolations: [{ field: 'account_id' }] }],
    });
  });

  test.each(['a.b', 'P', 'x/y', '', 'ends-', 'a..b:c', 'é'])(
    'cannot be in a project %j, which its email would not name',
    async (name) => {
      const { store } = await openAccessBench();
      const given = { ...plain, project: name, id: 'worker' };
      await expect(store.accounts.create(given, caller)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    },
  );

  test('of a project in a domain has the email that Google gives it', async () => {
    const { store } = await openAccessBench();
    const given = { ...plain, project: 'example.com:app', id: 'worker' };
    const { email } = await store.accounts.create(given, caller);
    expect(email).toBe('worker@app.example.com.iam.gserviceaccount.com');
  });

  test('exists once: two who create it at once get one', async () => {
    const { store } = await openAccessBench();
    const create = () => store.accounts.create({ ...plain, id: 'worker' }, caller);
    const ends = await Promise.allSettled([create(), create(), create()]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(create()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  test('is found by email or unique id in its own project, or in any', async () => {
    const { store } = await openAccessBench();
    const { email, uid } = await store.accounts.create({ ...plain, id: 'worker' }, caller);
    for (const name of [email, uid]) {
      expect(store.accounts.get(project, name).email).toBe(email);
      expect(store.accounts.get('-', name).email).toBe(email);
      expect(() => store.accounts.get('project-2', name)).toThrow(
        `Service account projects/project-2/serviceAccounts/${name} does not exist.`,
      );
    }
    expect(store.accounts.uidOf(email)).toBe(uid);
  });

  test('is there after a restart, as it was left', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    await bench.store.keys.createApiKey(held.account, 'ci', caller);
    await bench.store.accounts.update(held.account, { description: 'd' }, caller);
    await bench.store.accounts.setDisabled(held.account, true, caller);
    const left = bench.store.accounts.get('-', held.email);
    expect(left).toMatchObject({ isDisabled: true, description: 'd' });
    expect((await bench.reopen()).accounts.get('-', held.email)).toEqual(left);
  });

  test('of which a byte was changed on disk is nobody', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const key = accountRowsPrefix + held.email;
    const { value } = (await bench.rows.get(key))!;
    value[value.length - 1]! ^= 1;
    await bench.rows.txn([], [{ key, value }]);
    const reopened = await bench.reopen();
    expect(() => reopened.accounts.get('-', held.email)).toThrow('does not exist');
    const found: string[] = [];
    await reopened.part.verify(
      { expect: () => undefined, passed: () => undefined, damaged: (where) => found.push(where) },
      new AbortController().signal,
    );
    expect(found).toEqual([`account ${held.email}`]);
  });

  test('whose row is put in the place of another is nobody', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const other = await makeAccount(bench, 'another');
    const [from, to] = [held, other].map(({ email }) => accountRowsPrefix + email);
    const { value } = (await bench.rows.get(from!))!;
    await bench.rows.txn([], [{ key: to!, value }]);
    const reopened = await bench.reopen();
    expect(() => reopened.accounts.get('-', other.email)).toThrow('does not exist');
  });

  test('in the store shows neither its email nor its name in its value', async () => {
    const bench = await openAccessBench();
    await bench.store.accounts.create({ ...plain, id: 'worker', displayName: 'Secret' }, caller);
    const [row] = await bench.rows.list(accountRowsPrefix);
    const text = Buffer.from(row!.value).toString('latin1');
    expect(text).not.toMatch(/Secret|worker|project/);
  });

  test('that is deleted is told of, once that is durable', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const told: string[] = [];
    bench.store.accounts.onDeleted(({ uid }) => told.push(uid));
    await bench.store.accounts.delete(held.account, caller);
    expect(told).toEqual([held.account.uid]);
    expect(await bench.rows.list(accountRowsPrefix)).toEqual([]);
    await expect(bench.store.accounts.delete(held.account, caller)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('changes', () => {
  test('are in the audit log as Google names them, failures too, without secrets', async () => {
    const bench = await openAccessBench();
    const { store, audit } = bench;
    const account = await store.accounts.create({ ...plain, id: 'worker' }, caller);
    await store.accounts.create({ ...plain, id: 'worker' }, caller).catch(() => undefined);
    const { key, credentials } = await store.keys.create(account, `${ownUrl}/token`, caller);
    const { apiKey } = await store.keys.createApiKey(account, '', caller);
    await store.accounts.setDisabled(account, true, caller);
    await store.keys.delete(account, key.id, caller);
    await store.keys.deleteApiKey(account, apiKey.id, caller);
    await store.accounts.delete(account, caller);
    const service = 'google.iam.admin.v1';
    expect(audit.outcomes).toEqual([
      `${service}.CreateServiceAccount OK`,
      `${service}.CreateServiceAccount ALREADY_EXISTS`,
      `${service}.CreateServiceAccountKey OK`,
      `${service}.CreateServiceAccountApiKey OK`,
      `${service}.DisableServiceAccount OK`,
      `${service}.DeleteServiceAccountKey OK`,
      `${service}.DeleteServiceAccountApiKey OK`,
      `${service}.DeleteServiceAccount OK`,
    ]);
    expect(audit.entries[0]).toMatchObject({
      kind: 'activity',
      project,
      serviceName: 'iam.googleapis.com',
      resource: { type: 'service_account', labels: { email_id: account.email } },
      caller,
    });
    const { private_key: pem } = JSON.parse(Buffer.from(credentials).toString()) as {
      private_key: string;
    };
    expect(JSON.stringify(audit.entries)).not.toContain(pem.slice(40, 80));
  });

  test('that cannot be recorded are answered so, and a revocation holds all the same', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const authorization = `Bearer ${selfSigned(held, bench.clock)}`;
    const principal = await bench.authenticator.authenticate({ authorization });
    bench.audit.isAway = true;
    let told = 0;
    bench.store.onRevoked(() => told++);
    const deletion = bench.store.keys.delete(held.account, held.keyId, caller);
    await expect(deletion).rejects.toMatchObject({ reason: 'AUDIT_UNAVAILABLE' });
    expect([principal.isValid(), told]).toEqual([false, 1]);
  });

  test('made at once are all made', async () => {
    const bench = await openAccessBench();
    const { account } = await makeAccount(bench);
    const names = Array.from({ length: 20 }, (_, at) => `key ${at}`);
    await Promise.all(names.map((name) => bench.store.keys.createApiKey(account, name, caller)));
    const { apiKeys } = bench.store.accounts.get('-', account.email);
    expect(apiKeys.map(({ displayName }) => displayName).toSorted()).toEqual(names.toSorted());
    expect((await bench.reopen()).accounts.get('-', account.email).apiKeys).toEqual(apiKeys);
  });
});

describe('a key', () => {
  test('is given as a credentials file that an official client reads', async () => {
    const bench = await openAccessBench();
    const account = await bench.store.accounts.create({ ...plain, id: 'worker' }, caller);
    const made = await bench.store.keys.create(account, `${ownUrl}/token`, caller);
    const file = JSON.parse(Buffer.from(made.credentials).toString()) as Record<string, string>;
    expect(file).toEqual({
      type: 'service_account',
      project_id: project,
      private_key_id: made.key.id,
      private_key: expect.stringMatching(
        /^-----BEGIN PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END PRIVATE KEY-----\n$/,
      ) as string,
      client_email: account.email,
      client_id: account.uid,
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: `${ownUrl}/token`,
      universe_domain: 'googleapis.com',
    });
    const { privateKey } = heldKey(account, made.credentials);
    expect(privateKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    expect(spki.toString('base64')).toBe(made.key.publicKey);
    const token = selfSigned(heldKey(account, made.credentials), bench.clock);
    const principal = bench.authenticator.authenticate({ authorization: `Bearer ${token}` });
    expect((await principal).email).toBe(account.email);
  });

  test.each<[string, () => string, string]>([
    ['nothing', () => '', 'must be an X.509 certificate or a public key'],
    ['a private key', () => pemOf('rsa', 2_048, 'private'), 'keep it'],
    ['a weak key', () => pemOf('rsa', 1_024, 'public'), '2048 to 4096 bits'],
    ['an elliptic key', () => pemOf('ec', 0, 'public'), '2048 to 4096 bits'],
    ['a key without an end', () => 'A'.repeat(20_000), 'must be an X.509 certificate'],
  ])('is not uploaded from %s', async (_, pem, text) => {
    const bench = await openAccessBench();
    const { account } = await makeAccount(bench);
    const upload = bench.store.keys.upload(account, Buffer.from(pem()), caller);
    await expect(upload).rejects.toThrow(text);
  });

  test('is one of ten', async () => {
    const bench = await openAccessBench();
    const { account } = await makeAccount(bench);
    const pem = Buffer.from(pemOf('rsa', 2_048, 'public'));
    for (let i = 1; i < 10; i++) await bench.store.keys.upload(account, pem, caller);
    const more = bench.store.keys.upload(account, pem, caller);
    await expect(more).rejects.toMatchObject({ reason: 'ACCOUNT_KEY_LIMIT' });
  });
});

function pemOf(type: 'rsa' | 'ec', bits: number, half: 'public' | 'private'): string {
  const pair =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: bits });
  const text =
    half === 'public'
      ? pair.publicKey.export({ type: 'spki', format: 'pem' })
      : pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
  return text.toString();
}

test('base64 by bytes is what base64 is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const expected = Buffer.from(bytes).toString('base64');
      expect(Buffer.from(base64Bytes(bytes)).toString('latin1')).toBe(expected);
    }),
  );
});

test('the project of an email is the one that it was made for', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?$/);
  const projects = fc.oneof(
    word,
    fc.tuple(word, word, word).map(([a, b, c]) => `${a}.${b}:${c}`),
  );
  fc.assert(
    fc.property(word, projects, (id, name) => {
      expect(parseAccountEmail(accountEmail(id, name))).toEqual({ id, project: name });
    }),
  );
});
