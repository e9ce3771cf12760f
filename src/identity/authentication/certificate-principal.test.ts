import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { caller, makeAccount, openAccessBench } from '../../../test/support/access-bench.ts';
import { hasOpenssl } from '../../../test/support/test-certificates.ts';
import { RpcError } from '../../rpc/index.ts';

const program = 'openssl';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-client-certificates-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate in DER, as TLS hands it on once it was verified. */
function certificate(subject: string, names: readonly string[], days = '36500'): Uint8Array {
  const config = join(folder, 'config');
  // A section of its own takes commas as they are.
  const alternatives = names.map((name, at) => name.replace(':', `.${at} = `)).join('\n');
  const isNamed = names.length > 0;
  const extensions = isNamed ? 'x509_extensions=x\n[x]\nsubjectAltName=@names\n' : '[x]\n';
  writeFileSync(
    config,
    `[req]\ndistinguished_name=dn\n${extensions}[names]\n${alternatives}\n[dn]\n`,
  );
  const out = join(folder, 'certificate.der');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const to = ['-keyout', join(folder, 'key'), '-out', out, '-outform', 'DER'];
  const what = ['-subj', subject, '-days', days, '-config', config];
  execFileSync(program, ['req', '-x509', ...key, ...to, ...what], { stdio: 'pipe' });
  return readFileSync(out);
}

const issuers = [{ issuer: 'https://login.example', jwksUri: null }];
const account = 'email:tester@project-1.iam.gserviceaccount.com';
const refused = 'ACCESS_TOKEN_TYPE_UNSUPPORTED';

async function bench() {
  const made = await openAccessBench({ issuers, audiences: ['a'] });
  // The certificates are of today, whatever the test's own clock shows.
  made.clock.stepWall(Date.UTC(2090, 0, 1) - made.clock.wallMs());
  const shown = async (der: Uint8Array): Promise<string> => {
    try {
      return (await made.authenticator.authenticate({ certificate: der })).member;
    } catch (error) {
      return error instanceof RpcError ? error.reason : String(error);
    }
  };
  return { ...made, shown };
}

describe.skipIf(!hasOpenssl)('a client certificate stands for', () => {
  test.each<[string, string, readonly string[], string]>([
    ['its common name', '/CN=worker', [], 'principal://x509/subject/worker'],
    ['a name with signs in it', '/CN=a b|c', [], 'principal://x509/subject/a%20b|c'],
    [
      'its SPIFFE ID rather',
      '/CN=worker',
      ['URI:spiffe://td.example/ns/default/sa/worker'],
      'principal://td.example/ns/default/sa/worker',
    ],
    ['its common name beside a host', '/CN=w', ['DNS:h.example'], 'principal://x509/subject/w'],
    [
      'its common name beside another URI',
      '/CN=w',
      ['URI:https://x'],
      'principal://x509/subject/w',
    ],
    [
      'its common name beside two SPIFFE IDs',
      '/CN=w',
      ['URI:spiffe://td.example/a', 'URI:spiffe://td.example/b'],
      'principal://x509/subject/w',
    ],
    ['nobody without a name', '/O=org', [], refused],
    ['nobody of two names', '/CN=a/CN=b', [], refused],
    [
      'nobody who is an account that is not there',
      '/CN=w',
      ['email:no-one@p.iam.gserviceaccount.com'],
      refused,
    ],
  ])('%s', async (_, subject, names, member) => {
    const { shown } = await bench();
    expect(await shown(certificate(subject, names))).toBe(member);
  });

  test('the service account whose email is one of its names, while that is enabled', async () => {
    const { shown, ...made } = await bench();
    const held = await makeAccount(made);
    const der = certificate('/CN=root', [account]);
    expect(await shown(der)).toBe(`serviceAccount:${held.email}`);
    await made.store.accounts.setDisabled(held.account, true, caller);
    expect(await shown(der)).toBe(refused);
    await made.store.accounts.delete(held.account, caller);
    expect(await shown(der)).toBe(refused);
  });

  test('no issuer of tokens, and no common name, by way of a SPIFFE ID', async () => {
    const { shown } = await bench();
    for (const uri of ['spiffe://login.example/subject/root', 'spiffe://x509/subject/root']) {
      expect(await shown(certificate('/CN=w', [`URI:${uri}`]))).toBe('principal://x509/subject/w');
    }
  });

  test('no account by a name that only contains its email', async () => {
    const { shown, ...made } = await bench();
    await makeAccount(made);
    const der = certificate('/CN=w', [`URI:https://x/, ${account}`]);
    expect(new X509Certificate(der).subjectAltName).toContain(' email:');
    expect(await shown(der)).toBe('principal://x509/subject/w');
  });

  test('nobody once it has ended', async () => {
    const { shown, clock } = await bench();
    const der = certificate('/CN=worker', []);
    expect(await shown(der)).toBe('principal://x509/subject/worker');
    clock.stepWall(60 * 365 * 86_400_000);
    expect(await shown(der)).toBe(refused);
  });
});

test('bytes that are no certificate stand for nobody', async () => {
  const { shown } = await bench();
  expect(await shown(new Uint8Array([1, 2, 3]))).toBe(refused);
});
