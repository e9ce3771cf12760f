import { expect, test } from 'vitest';

import {
  agent,
  openRemoteKmsBench,
  refusalOf,
  remoteKeyName as name,
  type RemoteKmsBench,
} from '../../../test/support/remote-kms-bench.ts';
import type { DecryptResponse } from '../../kms/index.ts';
import { answerHeaders } from './answer-headers.ts';

const additionalAuthenticatedData = new TextEncoder().encode('topic 1, DEK 1');
const version = `${name}/cryptoKeyVersions/1`;

/** Unwraps what was wrapped just before, over a real socket. */
async function unwrap({ service }: RemoteKmsBench): Promise<DecryptResponse> {
  const plaintext = new Uint8Array(32).fill(3);
  const wrapped = await service.encrypt({ name, plaintext, additionalAuthenticatedData }, agent);
  const { ciphertext } = wrapped;
  return service.decrypt({ name, ciphertext, additionalAuthenticatedData }, agent);
}

const saying = (headers: Record<string, string>): Promise<RemoteKmsBench> =>
  openRemoteKmsBench({}, (server) => (server.decryptHeaders = () => headers));

test('a key service that says nothing beside the plaintext has no say in how long it is kept', async () => {
  const answer = await unwrap(await saying({}));
  expect(answer.name).toBe(name);
  expect(answer).not.toHaveProperty('cacheMs');
});

test('the version that was used comes over the wire', async () => {
  const answer = await unwrap(await saying(answerHeaders({ name: version })));
  expect(answer.name).toBe(version);
  expect(answer).not.toHaveProperty('cacheMs');
});

test.each([0, 1, 90_000, 315_576_000_000_000])(
  'that the owner lets the plaintext be kept for %d ms comes over the wire',
  async (cacheMs) => {
    const answer = await unwrap(await saying(answerHeaders({ name: version, cacheMs })));
    expect(answer).toMatchObject({ name: version, cacheMs });
  },
);

test('a part of a millisecond is not added to what the owner allowed', async () => {
  const answer = await unwrap(await saying(answerHeaders({ name: version, cacheMs: 1.9 })));
  expect(answer.cacheMs).toBe(1);
});

test.each([
  ['x-sealpost-cache-ms', 'soon'],
  ['x-sealpost-cache-ms', '-1'],
  ['x-sealpost-cache-ms', '1e3'],
  ['x-sealpost-cache-ms', ''],
  ['x-sealpost-version', `${name}2/cryptoKeyVersions/1`],
])('%s: %j is a corrupted answer, of which nothing is used', async (header, value) => {
  const bench = await saying({ [header]: value });
  const refusal = refusalOf(unwrap(bench));
  await bench.events.until(1, 'retried', 'Decrypt');
  await bench.clock.advance(0);
  expect(await refusal).toMatchObject({ code: 'UNAVAILABLE', reason: 'KMS_CORRUPTED' });
  expect(bench.server.count('Decrypt')).toBe(2);
});
