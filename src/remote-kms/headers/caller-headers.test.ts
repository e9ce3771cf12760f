import { describe, expect, test } from 'vitest';

import { serviceMember, type KeyCaller } from '../../kms/index.ts';
import { callerClaims, callerHeaders } from './caller-headers.ts';

const key = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';
const member = 'serviceAccount:service-7@gcp-sa-pubsub.iam.gserviceaccount.com';

function claimed(headers: Readonly<Record<string, string>>): ReturnType<typeof callerClaims> {
  return callerClaims((name) => headers[name]);
}

test('what one side says the other reads', () => {
  const caller: KeyCaller = {
    member,
    reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION',
    resource: 'projects/p/topics/t-ü',
    purpose: 'a\r\nb: c',
  };
  const headers = callerHeaders(caller, key);
  expect(claimed(headers)).toEqual(caller);
  for (const value of Object.values(headers)) expect(value).toMatch(/^[!-~]+$/);
});

test('a call without headers claims nothing', () => {
  expect(claimed({})).toEqual({});
});

describe('nobody claims more than a service account', () => {
  test.each([
    ['member', serviceMember],
    ['member', 'operator:'],
    ['member', 'user:a@example.com'],
    ['member', 'serviceAccount:a b'],
    ['member', '%zz'],
    ['reason', 'BECAUSE'],
    ['resource', 'x'.repeat(1_025)],
  ])('%s %s is refused', (claim, value) => {
    expect(() => claimed({ [`x-sealpost-${claim}`]: value })).toThrow(
      `The header x-sealpost-${claim} holds no valid ${claim}.`,
    );
  });
});
