import { expect, test } from 'vitest';

import { keyPurposes } from '../../envelope/index.ts';
import { KeyWatchBench, watchedKey, watchedPlace } from '../../../test/support/key-watch-bench.ts';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RpcError } from '../../rpc/index.ts';
import { keyStateRowKey } from './key-state-rows.ts';

const agent = 'service-p@serverless-robot-prod.iam.gserviceaccount.com';
const denied = `User's service account does not have CMEK decrypter permission. Service account: ${agent}`;

async function open(
  more: ConstructorParameters<typeof KeyWatchBench>[2] = {},
): Promise<{ keys: ScriptedKeyService; bench: KeyWatchBench }> {
  const keys = new ScriptedKeyService();
  const bench = await new KeyWatchBench(keys, new VirtualClock(), more).open();
  return { keys, bench };
}

/** Watched, and checked once. */
async function openWatched(
  more: ConstructorParameters<typeof KeyWatchBench>[2] = {},
): Promise<{ keys: ScriptedKeyService; bench: KeyWatchBench }> {
  const opened = await open(more);
  opened.bench.watch.watch(watchedPlace);
  await opened.bench.clock.settle(10);
  return opened;
}

const refusal = (code: ConstructorParameters<typeof RpcError>[0]): RpcError =>
  new RpcError(code, `TOLD_${code}`, `told ${code}`);

const versionRefusal = (version: number, state: string): RpcError => {
  const subject = `${watchedKey}/cryptoKeyVersions/${version}`;
  const violations = [{ type: `KEY_${state}`, subject }];
  const type = 'type.googleapis.com/google.rpc.PreconditionFailure' as const;
  return new RpcError(
    'FAILED_PRECONDITION',
    `KEY_${state}`,
    `${subject} is not enabled, current state is: ${state}.`,
    { details: [{ '@type': type, violations }] },
  );
};

test('a check encrypts and decrypts dummy data as the Run service agent, and says why', async () => {
  const { keys, bench } = await open();
  const state = await bench.watch.state(watchedPlace);
  expect(state).toMatchObject({ condition: 'ENABLED', message: '' });
  expect(state.keyVersion).toBe(`${watchedKey}/cryptoKeyVersions/1`);
  expect(keys.calls.map(({ operation, caller }) => ({ operation, ...caller }))).toMatchObject([
    { operation: 'encrypt', purpose: keyPurposes.encrypt_check },
    { operation: 'decrypt', purpose: keyPurposes.decrypt_check },
  ]);
  for (const { caller } of keys.calls) {
    expect(caller).toMatchObject({
      member: `serviceAccount:${agent}`,
      isHealthCheck: true,
      reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION',
    });
  }
});

test('a good key is checked every minute, give or take a tenth', async () => {
  const { keys, bench } = await openWatched();
  for (let minute = 1; minute <= 20; minute++) {
    const before = keys.count('decrypt');
    await bench.clock.advance(53_900);
    expect(keys.count('decrypt')).toBe(before);
    await bench.clock.advance(12_200);
    expect(keys.count('decrypt')).toBe(before + 1);
    bench.watch.unwatch(watchedPlace);
    bench.watch.watch(watchedPlace);
  }
});

test('a key that is not good is asked after 5, 10, 20, 40 and then every 60 seconds', async () => {
  const { keys, bench } = await openWatched();
  keys.fail('UNAVAILABLE');
  await bench.watch.check(watchedPlace);
  for (const seconds of [5, 10, 20, 40, 60, 60]) {
    const before = keys.count('encrypt');
    await bench.clock.advance(seconds * 1_000 - 1);
    expect(keys.count('encrypt')).toBe(before);
    await bench.clock.advance(1);
    expect(keys.count('encrypt')).toBe(before + 1);
  }
});

test.each([
  ['PERMISSION_DENIED', 'REVOKED', 'denied', denied],
  ['NOT_FOUND', 'REVOKED', 'denied', denied],
  [
    'RESOURCE_EXHAUSTED',
    'THROTTLED',
    undefined,
    `User's KMS operation quota has been exceeded. CMEK key: ${watchedKey}`,
  ],
  ['UNAVAILABLE', 'UNREACHABLE', undefined, 'scripted UNAVAILABLE'],
  ['DEADLINE_EXCEEDED', 'UNREACHABLE', undefined, 'scripted DEADLINE_EXCEEDED'],
  ['ABORTED', 'UNREACHABLE', undefined, 'scripted ABORTED'],
  ['INTERNAL', 'UNREACHABLE', undefined, 'scripted INTERNAL'],
  ['INVALID_ARGUMENT', 'UNREACHABLE', undefined, 'scripted INVALID_ARGUMENT'],
  ['UNIMPLEMENTED', 'UNREACHABLE', undefined, 'scripted UNIMPLEMENTED'],
] as const)('%s makes a key %s %s', async (code, condition, cause, message) => {
  for (const failure of [
    { encrypt: code, decrypt: null },
    { encrypt: null, decrypt: code },
  ]) {
    const { keys, bench } = await openWatched();
    keys.failure = failure;
    const state = await bench.watch.check(watchedPlace);
    expect({ ...state, cause: state.cause }).toMatchObject({ condition, cause, message });
  }
});

test('other bytes than were encrypted are not good', async () => {
  const { keys, bench } = await openWatched();
  keys.returnsOtherBytes = true;
  const state = await bench.watch.check(watchedPlace);
  expect(state.condition).toBe('UNREACHABLE');
});

test('a key service that does not answer makes a key UNREACHABLE after 30 seconds', async () => {
  const { keys, bench } = await openWatched();
  keys.fail('hang');
  const checking = bench.watch.check(watchedPlace);
  await bench.clock.advance(30_000);
  expect((await checking).condition).toBe('UNREACHABLE');
});

test('a change of the key, its ring, its project or anything is looked into at once', async () => {
  const { keys, bench } = await openWatched();
  const ring = watchedKey.slice(0, watchedKey.indexOf('/cryptoKeys'));
  for (const resource of [watchedKey, ring, 'projects/p', '']) {
    const before = keys.count('decrypt');
    keys.announce({ resource, kind: 'iam' });
    await bench.clock.settle(10);
    expect(keys.count('decrypt')).toBe(before + 1);
  }
  const before = keys.calls.length;
  keys.announce({ resource: 'projects/pp', kind: 'iam' });
  keys.announce({ resource: `${watchedKey}2`, kind: 'versionState' });
  await bench.clock.settle(10);
  expect(keys.calls.length).toBe(before);
});

test('what a real use was refused counts at once, and a check that passes restores it', async () => {
  const { bench } = await openWatched();
  bench.watch.report(watchedPlace, refusal('PERMISSION_DENIED'));
  expect(bench.watch.known(watchedPlace)).toMatchObject({ cause: 'denied', message: denied });
  await bench.clock.advance(5_000);
  expect(bench.heard).toEqual(['ENABLED', 'REVOKED denied', 'ENABLED']);
});

test('a damaged or missing wrapped key is no revocation, but a reason to check', async () => {
  const { keys, bench } = await openWatched();
  for (const outcome of [
    refusal('INVALID_ARGUMENT'),
    refusal('NOT_FOUND'),
    refusal('DATA_LOSS'),
    refusal('FAILED_PRECONDITION'),
    new Error('a bug'),
  ]) {
    const before = keys.count('decrypt');
    bench.watch.report(watchedPlace, outcome);
    expect(bench.watch.known(watchedPlace)?.condition).toBe('ENABLED');
    await bench.clock.settle(10);
    expect(keys.count('decrypt')).toBe(before + 1);
  }
});

test('a good check that began before a refusal does not cover it up', async () => {
  const { keys, bench } = await openWatched();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  keys.after = async ({ operation }) => {
    if (operation === 'decrypt') await held;
  };
  const checking = bench.watch.check(watchedPlace);
  await bench.clock.settle();
  keys.after = () => undefined;
  keys.fail('PERMISSION_DENIED');
  bench.watch.report(watchedPlace, refusal('PERMISSION_DENIED'));
  release();
  expect((await checking).condition).toBe('REVOKED');
  await bench.clock.settle();
  expect(bench.heard).toEqual(['ENABLED', 'REVOKED denied']);
});

test('a check under way is asked again if the key changed meanwhile', async () => {
  const { keys, bench } = await openWatched();
  keys.setEnabled(watchedKey, false);
  await bench.clock.settle(10);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  keys.setEnabled(watchedKey, true);
  keys.after = async ({ operation }) => {
    if (operation === 'decrypt') await held;
  };
  await bench.clock.settle(10);
  keys.after = () => undefined;
  keys.setEnabled(watchedKey, false);
  release();
  await bench.clock.settle(10);
  expect(bench.heard).toEqual(['ENABLED', 'REVOKED disabled']);
});

test('checks of one place never overlap, and those who ask later get a later one', async () => {
  const { keys, bench } = await openWatched();
  let running = 0;
  let most = 0;
  keys.before = async ({ operation }) => {
    if (operation === 'encrypt') most = Math.max(most, ++running);
    await bench.clock.settle(1);
  };
  keys.after = ({ operation }) => {
    if (operation === 'decrypt') running--;
  };
  const before = keys.count('encrypt');
  const asked = Array.from({ length: 5 }, () => bench.watch.check(watchedPlace));
  await Promise.all(asked);
  expect(most).toBe(1);
  expect(keys.count('encrypt') - before).toBe(2);
});

test('an older version that is refused is not covered up by a good primary one', async () => {
  const { keys, bench } = await openWatched();
  keys.rotate(watchedKey);
  await bench.clock.settle(10);
  bench.watch.report(watchedPlace, versionRefusal(1, 'DISABLED'));
  expect(bench.watch.known(watchedPlace)).toMatchObject({
    cause: 'disabled',
    message: `User's CMEK key has been disabled. CMEK key: ${watchedKey}`,
  });
  keys.before = ({ name, operation }) => {
    if (operation === 'encrypt' && name.endsWith('/1')) throw versionRefusal(1, 'DESTROYED');
  };
  await bench.clock.advance(120_000);
  expect(bench.watch.known(watchedPlace)).toMatchObject({
    cause: 'destroyed',
    keyVersion: `${watchedKey}/cryptoKeyVersions/2`,
  });
  await bench.restart([]);
  bench.watch.watch(watchedPlace);
  await bench.clock.settle(10);
  expect(bench.watch.known(watchedPlace)?.cause).toBe('destroyed');
  keys.before = () => undefined;
  await bench.clock.advance(60_000);
  expect(bench.watch.known(watchedPlace)?.condition).toBe('ENABLED');
});

test('versions that wrap what is stored are checked before anything needs them', async () => {
  let needed: string[] = [];
  const { keys, bench } = await openWatched({ versionsOf: async () => needed });
  keys.rotate(watchedKey);
  needed = [`${watchedKey}/cryptoKeyVersions/1`];
  keys.before = ({ name, operation }) => {
    if (operation === 'encrypt' && name.endsWith('/1')) throw versionRefusal(1, 'DISABLED');
  };
  keys.announce({ resource: watchedKey, kind: 'versionState' });
  await bench.clock.settle(10);
  expect(bench.watch.known(watchedPlace)?.cause).toBe('disabled');
  // Wrapped anew under the primary one, it is needed no longer.
  needed = [`${watchedKey}/cryptoKeyVersions/2`];
  await bench.clock.advance(5_000);
  expect(bench.watch.known(watchedPlace)?.condition).toBe('ENABLED');
});

test('where versions cannot be named a refusal lasts until the key changes or works', async () => {
  const { keys, bench } = await openWatched();
  keys.before = ({ name, operation }) => {
    if (operation === 'encrypt' && name.endsWith('/1')) throw refusal('INVALID_ARGUMENT');
  };
  keys.rotate(watchedKey);
  await bench.clock.settle(10);
  for (const restore of [
    () => bench.watch.report(watchedPlace, null),
    () => keys.announce({ resource: watchedKey, kind: 'versionState' }),
  ]) {
    bench.watch.report(watchedPlace, versionRefusal(1, 'DISABLED'));
    await bench.clock.advance(300_000);
    expect(bench.watch.known(watchedPlace)?.cause).toBe('disabled');
    restore();
    await bench.clock.settle(10);
    expect(bench.watch.known(watchedPlace)?.condition).toBe('ENABLED');
  }
});

test('since when a condition is known outlives a restart; a good one is checked first', async () => {
  const { keys, bench } = await openWatched();
  const startMs = bench.clock.wallMs();
  keys.fail('PERMISSION_DENIED');
  await bench.clock.advance(100_000);
  const { sinceMs } = bench.watch.known(watchedPlace)!;
  expect(sinceMs).toBeGreaterThan(startMs);
  await bench.restart([]);
  expect(bench.watch.known(watchedPlace)).toMatchObject({ condition: 'REVOKED', sinceMs });
  expect(await bench.watch.state(watchedPlace)).toMatchObject({ condition: 'REVOKED', sinceMs });
  keys.fail(null);
  bench.watch.watch(watchedPlace);
  await bench.clock.advance(60_000);
  await bench.restart([]);
  keys.fail('PERMISSION_DENIED');
  expect(bench.watch.known(watchedPlace)?.condition).toBe('ENABLED');
  expect((await bench.watch.state(watchedPlace)).condition).toBe('REVOKED');
});

test('listeners hear of a change once it is stored, and one that fails is not in the way', async () => {
  const { keys, bench } = await openWatched();
  const rows: (string | undefined)[] = [];
  bench.watch.onChange(() => {
    throw new Error('planned');
  });
  bench.watch.onChange(() => {
    void bench.meta.get(keyStateRowKey(watchedPlace)).then((row) => {
      rows.push(/"condition":"[A-Z]+"/.exec(Buffer.from(row?.value ?? []).toString())?.[0]);
    });
  });
  bench.faults.next('full', 'full');
  keys.fail('PERMISSION_DENIED');
  await bench.watch.check(watchedPlace);
  expect(bench.watch.known(watchedPlace)?.condition).toBe('REVOKED');
  await bench.clock.advance(9_999);
  expect(bench.heard).toEqual(['ENABLED']);
  await bench.clock.advance(1);
  expect(bench.heard).toEqual(['ENABLED', 'REVOKED denied']);
  expect(rows).toEqual(['"condition":"REVOKED"']);
});

test('watching is counted; what nobody watches is neither checked nor stored', async () => {
  const { keys, bench } = await openWatched();
  bench.watch.watch(watchedPlace);
  bench.watch.unwatch(watchedPlace);
  expect(bench.watch.states()).toHaveLength(1);
  bench.watch.unwatch(watchedPlace);
  bench.watch.unwatch(watchedPlace);
  expect(bench.watch.states()).toEqual([]);
  const before = keys.calls.length;
  await bench.clock.advance(600_000);
  expect(keys.calls.length).toBe(before);
  expect(await bench.meta.get(keyStateRowKey(watchedPlace))).toBeNull();
  await bench.watch.state(watchedPlace);
  expect(keys.calls.length).toBe(before + 2);
});

test('what was known of a key that nobody watches ends with the next change', async () => {
  const { keys, bench } = await open();
  await bench.watch.state(watchedPlace);
  keys.setEnabled(watchedKey, false);
  expect((await bench.watch.state(watchedPlace)).cause).toBe('disabled');
});
