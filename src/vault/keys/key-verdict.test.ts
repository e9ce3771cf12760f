import { describe, expect, test } from 'vitest';

import { RpcError } from '../../rpc/index.ts';
import { reportedVerdict, verdictOf } from './key-verdict.ts';

const key = 'projects/p/locations/l/keyRings/r/cryptoKeys/k';
const version = `${key}/cryptoKeyVersions/7`;
const names = {
  key,
  member: 'serviceAccount:service-1@serverless-robot-prod.iam.gserviceaccount.com',
};
const uri = 'https://ekm.example.com/v0/key';

const precondition = (message: string, ...types: string[]): RpcError => {
  const violations = types.map((type, i) => ({ type, subject: i === 0 ? version : uri }));
  const type = 'type.googleapis.com/google.rpc.PreconditionFailure' as const;
  const details = types.length === 0 ? [] : [{ '@type': type, violations }];
  return new RpcError('FAILED_PRECONDITION', 'TOLD', message, { details });
};

describe('the texts of Cloud KMS, with and without details', () => {
  test.each([
    ['DISABLED', 'disabled', `User's CMEK key has been disabled. CMEK key: ${key}`],
    ['DESTROYED', 'destroyed', `User's CMEK key has been destroyed. CMEK key: ${key}`],
    [
      'DESTROY_SCHEDULED',
      'scheduled',
      `User's CMEK key has been scheduled for deletion. CMEK Key: ${key}`,
    ],
  ])('%s is REVOKED', (state, cause, message) => {
    const text = `${version} is not enabled, current state is: ${state}.`;
    const expected = { condition: 'REVOKED', cause, message, version };
    expect(verdictOf(precondition(text), names)).toEqual(expected);
    expect(verdictOf(precondition(text, `KEY_${state}`), names)).toEqual(expected);
    expect(reportedVerdict(precondition(text), names)).toEqual(expected);
  });

  test('a version that is being made is UNREACHABLE, for nobody took it away', () => {
    const text = `${version} is not enabled, current state is: PENDING_GENERATION.`;
    const expected = { condition: 'UNREACHABLE', message: text };
    expect(verdictOf(precondition(text, 'KEY_PENDING_GENERATION'), names)).toEqual(expected);
    expect(verdictOf(precondition(text), names)).toEqual(expected);
  });

  test('a key without a primary version starts no clock', () => {
    const text = `CryptoKey ${key} does not have a primary version.`;
    const error = precondition(text, 'KEY_PRIMARY_VERSION_MISSING');
    expect(verdictOf(error, names)).toEqual({ condition: 'UNREACHABLE', message: text });
  });
});

describe('an external key manager', () => {
  test.each(['TIMEOUT', 'OVERLOADED_EKM', 'UNREACHABLE_NETWORK', 'EXTERNAL_RESOURCE_EXHAUSTED'])(
    'with %s is UNREACHABLE, in its own words',
    (type) => {
      const error = precondition('its own words', 'KEY_ENABLED', type);
      const expected = { condition: 'UNREACHABLE', message: 'its own words' };
      expect(verdictOf(error, names)).toEqual(expected);
      expect(reportedVerdict(error, names)).toEqual(expected);
    },
  );

  test.each(['EXTERNAL_PERMISSION_DENIED', 'DNS', 'TLS_CERT', 'A_NEW_WORD'])(
    'with %s is REVOKED, in its own words, whatever the state of the version',
    (type) => {
      for (const state of ['KEY_ENABLED', 'KEY_DISABLED']) {
        const error = precondition('its own words', state, type);
        const expected = { condition: 'REVOKED', cause: 'external', version };
        expect(verdictOf(error, names)).toEqual({ ...expected, message: 'its own words' });
      }
    },
  );

  test('that cannot unwrap its own blob is REVOKED by a check, not by a real use', () => {
    const error = new RpcError('INVALID_ARGUMENT', 'DECRYPTION_FAILED', 'its own words');
    expect(verdictOf(error, names)).toMatchObject({ cause: 'external', message: 'its own words' });
    expect(reportedVerdict(error, names)).toBeNull();
  });
});

test('what is not known is not good, and starts no clock', () => {
  for (const thrown of [new Error('a bug'), 'a text', null, new RpcError('UNKNOWN', 'X', 'x')]) {
    expect(verdictOf(thrown, names).condition).toBe('UNREACHABLE');
    expect(reportedVerdict(thrown, names)).toBeNull();
  }
  expect(verdictOf(precondition('who knows'), names).condition).toBe('UNREACHABLE');
});

test('a text of another that names a state is not taken for that of a key', () => {
  const error = new RpcError('UNAVAILABLE', 'X', 'current state is: DESTROYED');
  expect(verdictOf(error, names).condition).toBe('UNREACHABLE');
});
