import { describe, expect, test } from 'vitest';

import {
  agent,
  openRemoteKmsBench,
  refusalOf,
  remoteKeyName as name,
  type RemoteKmsBench,
} from '../../test/support/remote-kms-bench.ts';
import { serviceMember } from '../kms/index.ts';

const plaintext = Uint8Array.from({ length: 32 }, (_, i) => i);
const additionalAuthenticatedData = new TextEncoder().encode('topic 1, DEK 1');
const request = { name, plaintext, additionalAuthenticatedData };

const wrap = (bench: RemoteKmsBench): ReturnType<RemoteKmsBench['service']['encrypt']> =>
  bench.service.encrypt(request, agent);

describe('Encrypt and Decrypt', () => {
  test('what was wrapped is unwrapped, under the version that was used', async () => {
    const bench = await openRemoteKmsBench();
    const { ciphertext, name: version } = await wrap(bench);
    expect(version).toBe(`${name}/cryptoKeyVersions/1`);
    const opened = { name, ciphertext, additionalAuthenticatedData };
    expect((await bench.service.decrypt(opened, agent)).plaintext).toEqual(plaintext);
  });

  test('other associated data does not open it, in the words of the key service', async () => {
    const bench = await openRemoteKmsBench();
    const { ciphertext } = await wrap(bench);
    const moved = { name, ciphertext, additionalAuthenticatedData: new Uint8Array(1) };
    expect(await refusalOf(bench.service.decrypt(moved, agent))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Decryption failed: the ciphertext is invalid.',
    });
  });

  test('a disabled version is refused with the code, text, reason and details of the key service', async () => {
    const bench = await openRemoteKmsBench();
    await wrap(bench);
    bench.server.keys.setEnabled(name, false);
    const error = await refusalOf(wrap(bench));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message).toBe(
      `${name}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.`,
    );
    expect(error.reason).toBe('KEY_VERSION_DISABLED');
    expect(error.details).toEqual([
      {
        '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
        violations: [{ type: 'KEY_DISABLED', subject: `${name}/cryptoKeyVersions/1` }],
      },
    ]);
  });

  test('the key service is told for whom and for what, and routes by the key', async () => {
    const bench = await openRemoteKmsBench();
    await bench.service.encrypt(request, { ...agent, purpose: 'wrap über' });
    const told = bench.server.metadata.at(-1)!;
    expect(told.get('x-sealpost-member')).toEqual([encodeURIComponent(agent.member)]);
    expect(told.get('x-sealpost-reason')).toEqual(['CUSTOMER_INITIATED_ACCESS']);
    expect(told.get('x-sealpost-resource')).toEqual(['projects%2Fp%2Ftopics%2Ft']);
    expect(told.get('x-sealpost-purpose')).toEqual(['wrap%20%C3%BCber']);
    expect(told.get('x-goog-request-params')).toEqual([`name=${encodeURIComponent(name)}`]);
  });

  test('for its own key the service claims to be nobody', async () => {
    const bench = await openRemoteKmsBench();
    await bench.service.encrypt(request, { member: serviceMember, reason: 'REASON_UNSPECIFIED' });
    expect(bench.server.metadata.at(-1)?.get('x-sealpost-member')).toEqual([]);
  });
});

describe('checksums', () => {
  const spoilers: [string, (bench: RemoteKmsBench, spoil: () => boolean) => void][] = [
    [
      'a plaintext whose checksum was not verified',
      ({ server }, spoil) =>
        (server.spoilEncrypt = (answer) => {
          if (spoil()) answer.verifiedPlaintextCrc32c = false;
        }),
    ],
    [
      'associated data whose checksum was not verified',
      ({ server }, spoil) =>
        (server.spoilEncrypt = (answer) => {
          if (spoil()) answer.verifiedAdditionalAuthenticatedDataCrc32c = false;
        }),
    ],
    [
      'a ciphertext with a flipped bit',
      ({ server }, spoil) =>
        (server.spoilEncrypt = (answer) => {
          if (spoil()) answer.ciphertext[3]! ^= 4;
        }),
    ],
    [
      'a ciphertext without a checksum',
      ({ server }, spoil) =>
        (server.spoilEncrypt = (answer) => {
          if (spoil()) delete answer.ciphertextCrc32c;
        }),
    ],
    [
      'the name of another key',
      ({ server }, spoil) =>
        (server.spoilEncrypt = (answer) => {
          if (spoil()) answer.name = `${name}2/cryptoKeyVersions/1`;
        }),
    ],
  ];

  test.each(spoilers)('%s: asked once more, and the second answer is used', async (_, spoil) => {
    const bench = await openRemoteKmsBench();
    let left = 1;
    spoil(bench, () => left-- > 0);
    const answer = wrap(bench);
    await bench.events.until(1, 'retried');
    await bench.clock.advance(0);
    expect((await answer).name).toBe(`${name}/cryptoKeyVersions/1`);
    expect(bench.events.count('corrupted', 'Encrypt')).toBe(1);
    expect(bench.server.count('Encrypt')).toBe(2);
  });

  test.each(spoilers)('%s twice: UNAVAILABLE, and nothing of it is used', async (_, spoil) => {
    const bench = await openRemoteKmsBench();
    spoil(bench, () => true);
    const answer = refusalOf(wrap(bench));
    await bench.events.until(1, 'retried');
    await bench.clock.advance(0);
    expect(await answer).toMatchObject({ code: 'UNAVAILABLE', reason: 'KMS_CORRUPTED' });
    expect(bench.server.count('Encrypt')).toBe(2);
  });

  test('a plaintext with a flipped bit is asked for once more', async () => {
    const bench = await openRemoteKmsBench();
    const { ciphertext } = await wrap(bench);
    let left = 1;
    bench.server.spoilDecrypt = (answer) => {
      if (left-- > 0) answer.plaintext[0]! ^= 1;
    };
    const opened = bench.service.decrypt({ name, ciphertext, additionalAuthenticatedData }, agent);
    await bench.events.until(1, 'retried', 'Decrypt');
    await bench.clock.advance(0);
    expect((await opened).plaintext).toEqual(plaintext);
  });
});

describe('a key service that does not answer', () => {
  test('is given up after a second, and told so', async () => {
    const bench = await openRemoteKmsBench();
    await wrap(bench);
    bench.server.keys.fail('hang');
    const answer = refusalOf(wrap(bench));
    await expect.poll(() => bench.server.count('Encrypt')).toBe(2);
    await bench.clock.advance(1_000);
    expect(await answer).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'KMS_DEADLINE' });
  });

  test('is asked again while it is UNAVAILABLE, with growing waits, within the second', async () => {
    const bench = await openRemoteKmsBench();
    bench.server.keys.fail('UNAVAILABLE');
    const answer = refusalOf(wrap(bench));
    const ended = answer.then(() => true);
    const startMs = bench.clock.monotonicMs();
    let retries = 0;
    const isRetried = async (): Promise<boolean> => {
      const retried = bench.events.until(retries + 1, 'retried', 'Encrypt', 'UNAVAILABLE');
      return !(await Promise.race([ended, retried.then(() => false)]));
    };
    while (await isRetried()) await bench.clock.advance(Math.min(25 * 2 ** retries++, 400));
    expect(retries).toBeGreaterThanOrEqual(5);
    expect(bench.clock.monotonicMs() - startMs).toBeLessThanOrEqual(1_200);
    expect(await answer).toMatchObject({ code: 'UNAVAILABLE', reason: 'SCRIPTED_UNAVAILABLE' });
    expect(bench.server.count('Encrypt')).toBe(retries + 1);
  });

  test('answers the second try', async () => {
    const bench = await openRemoteKmsBench();
    bench.server.keys.fail('UNAVAILABLE');
    const answer = wrap(bench);
    await bench.events.until(1, 'retried');
    bench.server.keys.fail(null);
    await bench.clock.advance(25);
    expect((await answer).name).toBe(`${name}/cryptoKeyVersions/1`);
  });

  test.each([
    'FAILED_PRECONDITION',
    'PERMISSION_DENIED',
    'NOT_FOUND',
    'RESOURCE_EXHAUSTED',
  ] as const)('%s is an answer: it is not asked again', async (code) => {
    const bench = await openRemoteKmsBench();
    bench.server.keys.fail(code);
    expect(await refusalOf(wrap(bench))).toMatchObject({ code });
    expect(bench.server.count('Encrypt')).toBe(1);
  });

  test('is not asked for a key whose calls timed out five times; other keys are', async () => {
    const bench = await openRemoteKmsBench();
    bench.server.keys.before = ({ name: asked }) =>
      asked === name ? new Promise<void>(() => undefined) : undefined;
    for (let call = 1; call <= 5; call++) {
      const answer = refusalOf(wrap(bench));
      await expect.poll(() => bench.server.count('Encrypt')).toBe(call);
      await bench.clock.advance(1_000);
      await answer;
    }
    expect(bench.events.count('openBreakers', 1)).toBe(1);
    expect(await refusalOf(wrap(bench))).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'KMS_BREAKER_OPEN',
    });
    expect(bench.server.count('Encrypt')).toBe(5);
    await bench.service.encrypt({ ...request, name: `${name}2` }, agent);
    bench.server.keys.before = () => undefined;
    await bench.clock.advance(1_000);
    await wrap(bench);
    expect(bench.events.told.findLast(([event]) => event === 'openBreakers')).toEqual([
      'openBreakers',
      0,
    ]);
  });

  test('that comes back on its port is found again', async () => {
    const bench = await openRemoteKmsBench();
    await bench.events.until(1, 'watch', 'pushed');
    bench.server.stop();
    await bench.events.until(2, 'watch', 'unheard');
    await bench.server.start();
    const isPushed = async (): Promise<number> => {
      await bench.clock.advance(100);
      return bench.events.count('watch', 'pushed');
    };
    await expect.poll(isPushed, { timeout: 15_000 }).toBe(2);
    expect((await wrap(bench)).name).toBe(`${name}/cryptoKeyVersions/1`);
  });
});

describe('a stop', () => {
  test('lets calls under way end, and takes no more', async () => {
    const bench = await openRemoteKmsBench();
    const held = Promise.withResolvers<void>();
    bench.server.keys.before = () => held.promise;
    const answer = wrap(bench);
    await expect.poll(() => bench.server.count('Encrypt')).toBe(1);
    const drained = bench.service.drain();
    expect(await refusalOf(wrap(bench))).toMatchObject({ reason: 'DRAINING' });
    held.resolve();
    expect((await answer).name).toBe(`${name}/cryptoKeyVersions/1`);
    await drained;
  });
});

describe('project numbers', () => {
  test('are those of a Sealpost key service, asked once', async () => {
    const { service, server } = await openRemoteKmsBench();
    const member = 'serviceAccount:service-712345678901@gcp-sa-pubsub.iam.gserviceaccount.com';
    expect(await service.pubsubServiceAgent('p')).toBe(member);
    expect(await service.pubsubServiceAgent('p')).toBe(member);
    expect(server.count('GetProjectNumber')).toBe(1);
  });

  test('of a plain Cloud KMS are configured, or missed by name', async () => {
    const projectNumbers = new Map([['p', '42']]);
    const { service } = await openRemoteKmsBench({ projectNumbers }, (server) => {
      server.isSealpost = false;
    });
    expect(await service.pubsubServiceAgent('p')).toContain('service-42@');
    expect(await service.pubsubServiceAgent('77')).toContain('service-77@');
    expect(await refusalOf(service.pubsubServiceAgent('q'))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('--project-number q=NUMBER'),
    });
  });
});
