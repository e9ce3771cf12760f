import { describe, expect, test } from 'vitest';
import { keyRemedy } from './key-remedy.ts';
import { Refusal } from './refusal.ts';

const key = 'projects/shop/locations/global/keyRings/cafe/cryptoKeys/orders';
const version = `${key}/cryptoKeyVersions/2`;
const inState = (state: string): string =>
  `Cloud KMS error: ${version} is not enabled, current state is: ${state}.`;

test.each([
  ['DISABLED', 'sealpost keys versions enable cafe/orders 2'],
  [
    'DESTROY_SCHEDULED',
    'sealpost keys versions restore cafe/orders 2, then: sealpost keys versions enable cafe/orders 2',
  ],
  [
    'DESTROYED',
    'sealpost keys usage cafe/orders --version 2, for what is lost; sealpost keys versions primary cafe/orders VERSION, for what is new',
  ],
])('a version that is %s is mended by what its state allows', (state, remedy) => {
  expect(keyRemedy(inState(state), 'shop')).toBe(remedy);
});

test('a version that waits for its destruction is restored before it is enabled', () => {
  const message = `${version} must be in state ENABLED or DISABLED, current state is: DESTROY_SCHEDULED.`;
  expect(
    new Refusal('FAILED_PRECONDITION', 'KEY_VERSION_STATE', message, { path: version }).hint,
  ).toBe(
    `Try: sealpost keys versions restore ${key} 2, then: sealpost keys versions enable ${key} 2`,
  );
});

test('a version in use is freed, or destroyed all the same', () => {
  const message = `${version} is in use: 1 DEK. Destroy it with x-sealpost-force-destroy: true.`;
  expect(keyRemedy(message, 'shop')).toBe(
    'sealpost keys rewrap cafe/orders --from 2, once another version is primary; --force destroys it all the same',
  );
});

describe('doctor is named', () => {
  const hintOf = (reason: string, path: string): string =>
    new Refusal('FAILED_PRECONDITION', reason, 'It cannot be so.', { path }).hint ?? '';

  test('where it knows more', () => {
    const path = 'projects/shop/subscriptions/kitchen:pull';
    expect(hintOf('SUBSCRIPTION_DETACHED', path)).toBe('sealpost doctor says what to do.');
  });

  test.each([
    ['ROOT_KEY_SEAL', 'sealpost/v1/rootKey:reseal'],
    ['KMS_UNREACHABLE', 'projects/shop/topics/orders:publish'],
    ['EXTERNAL_PERMISSION_DENIED', 'projects/shop/topics/orders:publish'],
    ['KEY_HAS_VERSIONS', key],
  ])('not where it would say the same, or nothing: %s', (reason, path) => {
    expect(hintOf(reason, path)).not.toContain('doctor');
  });
});
