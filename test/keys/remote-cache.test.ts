import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { serviceMember } from '../../src/kms/index.ts';
import { openRemoteKeyService, type RemoteKeyService } from '../../src/remote-kms/index.ts';
import { silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { useExternalKeys } from '../support/live-external-keys.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { hasOpenssl } from '../support/test-certificates.ts';

const caller = { member: serviceMember, reason: 'CUSTOMER_INITIATED_ACCESS' } as const;
const plaintext = new Uint8Array(32).fill(9);
const additionalAuthenticatedData = new TextEncoder().encode('topic');

describe.skipIf(!hasOpenssl)('an EXTERNAL key at a Sealpost in another process', () => {
  const { live, ekm, keys } = useExternalKeys(['--ekm-deadline-ms', '4000']);
  let remote: RemoteKeyService;

  beforeAll(() => {
    remote = openRemoteKeyService({
      endpoint: live.url,
      deadlineMs: 30_000,
      clock: new SystemClock(),
      entropy: new SeededEntropy(5),
      log: silentLogger,
    });
  });
  afterAll(() => remote.drain());

  test.each([
    ['20s', 20_000],
    ['0s', 0],
    ['0.5s', 500],
    [undefined, undefined],
  ])(
    'what its owner allows, %s, and the version reach who asked, over gRPC and REST',
    async (given, ms) => {
      ekm.cacheDuration = given;
      const { name, version } = await keys.createExternal('projects/external');
      const { ciphertext } = await remote.encrypt(
        { name, plaintext, additionalAuthenticatedData },
        caller,
      );
      const answer = await remote.decrypt(
        { name, ciphertext, additionalAuthenticatedData },
        caller,
      );
      const expected = { plaintext, name: version, ...(ms !== undefined && { cacheMs: ms }) };
      expect(answer).toEqual(expected);

      const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
      const response = await fetch(`${live.url}/v1/${name}:decrypt`, {
        method: 'POST',
        body: JSON.stringify({
          ciphertext: base64(ciphertext),
          additionalAuthenticatedData: base64(additionalAuthenticatedData),
        }),
      });
      expect(await response.json()).toMatchObject({ plaintext: base64(plaintext) });
      expect(response.headers.get('x-sealpost-version')).toBe(version);
      expect(response.headers.get('x-sealpost-cache-ms')).toBe(ms?.toString() ?? null);
    },
  );
});
