import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { systemEntropy } from '../../src/crypto/index.ts';
import { externalProvider, type ExternalProvider } from '../../src/kms/index.ts';
import { createEkmTransport, createOutgoingClient } from '../../src/outgoing/index.ts';
import { silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { EkmServer } from '../support/ekm-server/ekm-server.ts';
import { openRawEndpoint } from '../support/endpoint.ts';
import {
  hasOpenssl,
  makeTestCertificates,
  type TestCertificates,
} from '../support/test-certificates.ts';

const version = 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1';
const algorithm = 'EXTERNAL_SYMMETRIC_ENCRYPTION';
const secret = new Uint8Array(32).fill(9);
const aad = new TextEncoder().encode('for this alone');

let certificates: TestCertificates;
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Given {
  readonly caFile?: string | null;
  readonly deadlineMs?: number;
  readonly isLoopbackOnly?: boolean;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** A provider over a real network; a deadline is only short where the answer never comes. */
function open({ caFile = certificates.caFile, ...given }: Given = {}): ExternalProvider {
  const clock = new SystemClock();
  const policy = {
    isLoopbackOnly: given.isLoopbackOnly ?? true,
    allow: [],
    ownListeners: () => [],
  };
  const outgoing = createOutgoingClient({
    policy,
    clock,
    caFile,
    ...(given.resolve !== undefined && { resolve: given.resolve }),
  });
  closers.push(() => outgoing.close());
  return externalProvider({
    transport: createEkmTransport(outgoing),
    hosts: ['127.0.0.1', 'endpoint.test'],
    bearer: async () => 'token',
    deadlineMs: given.deadlineMs ?? 30_000,
    clock,
    entropy: systemEntropy(),
    log: silentLogger,
  });
}

async function serve(): Promise<{ readonly ekm: EkmServer; readonly uri: string }> {
  const ekm = new EkmServer({ certificates });
  await ekm.start();
  closers.push(() => ekm.stop());
  return { ekm, uri: ekm.createKey('v0/key') };
}

const useOf = (uri: string, name: string = version) =>
  ({ name, algorithm, material: { uri }, reason: 'CUSTOMER_INITIATED_ACCESS' }) as const;

describe.skipIf(!hasOpenssl)('an external key manager over HTTPS', () => {
  beforeAll(() => {
    certificates = makeTestCertificates();
  });

  test('wraps and unwraps; a blob is bound to its version and its associated data', async () => {
    const { ekm, uri } = await serve();
    const provider = open();
    expect(await provider.generate({ name: version, algorithm }, { uri })).toEqual({ uri });
    const blob = await provider.seal(useOf(uri), secret, aad);
    ekm.cacheDuration = '2.5s';
    expect(await provider.unseal(useOf(uri), blob, aad)).toEqual({
      plaintext: secret,
      cacheMs: 2_500,
    });
    const failed = { code: 'INVALID_ARGUMENT', reason: 'DECRYPTION_FAILED' };
    await expect(provider.unseal(useOf(uri), blob, secret)).rejects.toMatchObject(failed);
    const other = useOf(uri, version.replace(/1$/, '2'));
    await expect(provider.unseal(other, blob, aad)).rejects.toMatchObject(failed);
    expect(ekm.records.map(({ operation, status }) => `${operation} ${status}`)).toEqual([
      'wrap 200',
      'unwrap 200',
      'wrap 200',
      'unwrap 200',
      'unwrap 400',
      'unwrap 400',
    ]);
  });

  test('that does not answer in time is TIMEOUT', async () => {
    const { ekm, uri } = await serve();
    ekm.behaviour = { kind: 'slow', ms: 600_000 };
    const sealed = open({ deadlineMs: 200 }).seal(useOf(uri), secret, aad);
    await expect(sealed).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'TIMEOUT',
      message: expect.stringMatching(/There was no whole answer within 0\.2 s\.$/),
    });
  });

  test('that is gone is UNREACHABLE_NETWORK, and serves at once when it is back', async () => {
    const { ekm, uri } = await serve();
    const provider = open();
    await ekm.stop();
    for (let n = 0; n < 3; n++) {
      await expect(provider.seal(useOf(uri), secret, aad)).rejects.toMatchObject({
        reason: 'UNREACHABLE_NETWORK',
      });
    }
    await ekm.start();
    await provider.seal(useOf(uri), secret, aad);
  });

  test('whose name does not exist is DNS, whose certificate nobody vouches for is TLS_CERT', async () => {
    const { uri } = await serve();
    const nameless = uri.replace('127.0.0.1', 'endpoint.test');
    for (const [code, reason] of [
      ['ENOTFOUND', 'DNS'],
      ['EAI_AGAIN', 'UNREACHABLE_NETWORK'],
    ] as const) {
      const resolve = (): Promise<never> =>
        Promise.reject(Object.assign(new Error('no name'), { code }));
      await expect(open({ resolve }).seal(useOf(nameless), secret, aad)).rejects.toMatchObject({
        reason,
      });
    }
    await expect(open({ caFile: null }).seal(useOf(uri), secret, aad)).rejects.toMatchObject({
      reason: 'TLS_CERT',
    });
  });

  test('at an address that may not be called is not called', async () => {
    const { ekm, uri } = await serve();
    const provider = open({ isLoopbackOnly: false });
    await expect(provider.seal(useOf(uri), secret, aad)).rejects.toMatchObject({
      reason: 'EXTERNAL_KEY_HOST_NOT_WHITELISTED',
      message: expect.stringContaining('--outgoing-allow'),
    });
    expect(ekm.records).toEqual([]);
  });

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"wrappedBlob":"AA'],
    ['a redirect', 'HTTP/1.1 307 T\r\nlocation: https://127.0.0.1/\r\ncontent-length: 0\r\n\r\n'],
  ])('that says %s is UNEXPECTED_RESPONSE', async (_what, text) => {
    const endpoint = await openRawEndpoint((socket) => {
      socket.once('data', () => socket.end(text));
    }, certificates);
    closers.push(() => endpoint.close());
    const uri = `https://127.0.0.1:${endpoint.port}/k`;
    await expect(open().seal(useOf(uri), secret, aad)).rejects.toMatchObject({
      reason: 'UNEXPECTED_RESPONSE',
    });
  });

  test('whose answer has no end is cut off: UNEXPECTED_RESPONSE', async () => {
    const endpoint = await openRawEndpoint((socket) => {
      const chunk = Buffer.alloc(64 * 1024, 'A');
      const pour = (): void => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n{"wrappedBlob":"');
        socket.on('drain', pour);
        pour();
      });
    }, certificates);
    closers.push(() => endpoint.close());
    const uri = `https://127.0.0.1:${endpoint.port}/k`;
    await expect(open().seal(useOf(uri), secret, aad)).rejects.toMatchObject({
      reason: 'UNEXPECTED_RESPONSE',
    });
  });

  test.each([
    ['garbage', 'UNEXPECTED_RESPONSE'],
    ['bad base64', 'UNEXPECTED_RESPONSE'],
    ['deny', 'EXTERNAL_PERMISSION_DENIED'],
  ] as const)('that behaves as "%s" is %s', async (kind, reason) => {
    const { ekm, uri } = await serve();
    ekm.behaviour = { kind };
    await expect(open().seal(useOf(uri), secret, aad)).rejects.toMatchObject({ reason });
  });

  test('that lies is not believed when a version is made', async () => {
    const { ekm, uri } = await serve();
    for (const kind of ['other key', 'short'] as const) {
      ekm.behaviour = { kind };
      const made = open().generate({ name: version, algorithm }, { uri });
      await expect(made).rejects.toMatchObject({ reason: 'UNEXPECTED_RESPONSE' });
    }
  });
});
