import { expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { parseConfig } from './parse-config.ts';

const parse = (argv: string): ReturnType<typeof parseConfig> => parseConfig(argv.split(' '), {});
const tls = '--tls-cert /c --tls-key /k';
const required = '--authentication required';

test.each([
  [`--tls-cert /c`, '--tls-cert and --tls-key go together.'],
  [`--tls-key /k`, '--tls-cert and --tls-key go together.'],
  [`${required} --tls-client-ca /ca`, '--tls-client-ca says nothing without --tls-cert.'],
  [`${tls} --tls-client-crl /crl`, '--tls-client-crl says nothing without --tls-client-ca.'],
  [
    `${tls} --tls-client-auth required`,
    '--tls-client-auth required says nothing without --tls-client-ca.',
  ],
  [`${tls} --tls-client-ca /ca`, '--tls-client-ca says nothing without --authentication required.'],
  [`--admin user:a@b.c`, '--admin says nothing without --authentication required.'],
  [`--oidc-ca /ca`, '--oidc-ca says nothing without --authentication required.'],
  [
    `${required} --oidc-issuer https://i.example`,
    '--oidc-issuer needs --oidc-audience: a token that is meant for others opens nothing here.',
  ],
  [`${required} --oidc-audience a`, '--oidc-audience says nothing without --oidc-issuer.'],
  [
    `${required} --auto-create-topics`,
    '--auto-create-topics is for development: it goes without --authentication required.',
  ],
  [`${required} --admin a@b.c`, 'must be serviceAccount:EMAIL, user:EMAIL or principal://…'],
  [
    `${required} --oidc-audience a --oidc-issuer http://i.example`,
    'must be an https URL (http on loopback only), perhaps =JWKS_URL',
  ],
])('%s is refused', (argv, message) => {
  expect(() => parse(argv)).toThrow(ConfigError);
  expect(() => parse(argv)).toThrow(message);
});

test.each([
  ['--host 10.0.0.1', 'no TLS (--tls-cert) and authentication (--authentication required):'],
  [`--host 10.0.0.1 ${tls}`, 'no authentication (--authentication required):'],
  [`--host 10.0.0.1 ${required}`, 'no TLS (--tls-cert):'],
])('%s alone is not safe beyond loopback', (argv, lack) => {
  expect(() => parse(argv)).toThrow(lack);
});

test('TLS and authentication together open the listener, and authentication the vault', () => {
  expect(parse(`--host 10.0.0.1 ${tls} ${required}`).hosts).toEqual(['10.0.0.1']);
  expect(parse(`${required} --roles broker,kms,vault`).roles).toContain('vault');
  expect(() => parse(`--roles broker,kms,vault`)).toThrow('--authentication required');
});

test('an issuer may say where its keys are', () => {
  const { oidcIssuers } = parse(
    `${required} --oidc-audience a --oidc-issuer https://i.example=https://k.example/jwks?a=b,http://127.0.0.1:9/x`,
  );
  expect(oidcIssuers).toEqual([
    { issuer: 'https://i.example', jwksUri: 'https://k.example/jwks?a=b' },
    { issuer: 'http://127.0.0.1:9/x', jwksUri: null },
  ]);
});
