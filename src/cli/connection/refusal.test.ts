import { expect, test } from 'vitest';

import { refusalOf, unreachable, wantsTls } from './refusal.ts';

const body = { error: { status: 'UNAUTHENTICATED', message: 'invalid credentials' } };

test('who showed nothing is asked who he is, and who showed something learns that it was refused', () => {
  expect(refusalOf(401, body, { shown: '' }).hint).toMatch(/^Say who you are: --credentials FILE/);
  expect(refusalOf(401, body, { shown: 'the credentials of key.json' }).hint).toBe(
    'The server refused the credentials of key.json: disabled, deleted, expired, or for another server.',
  );
});

test.each([
  ['CERT_HAS_EXPIRED', 'has a certificate that has expired', /renews it/],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'of an authority that is not known', /--ca FILE/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'has a certificate for other names', /by a name of its/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'speaks no TLS', /Look at the address/],
])('%s: the next step mends the cause', (code, message, hint) => {
  const error = unreachable('https://h', { cause: { code } });
  expect(error.message).toContain(message);
  expect(error.hint).toMatch(hint);
  expect(error.isPassing).toBe(false);
});

test('a port of TLS that was called in the clear is no other program', () => {
  const error = wantsTls('http://h:8085', 'This port speaks TLS: use https.\n');
  expect(error?.message).toBe('http://h:8085 speaks TLS: use https.');
  expect(error?.hint).toBe('Call it at https://h:8085.');
  expect(wantsTls('http://h:8085', '{}')).toBeUndefined();
});
