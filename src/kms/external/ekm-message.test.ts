import { describe, expect, test } from 'vitest';

import { cacheMsOf, requestBody, takeBytes } from './ekm-message.ts';
import { parseKeyUri } from './key-uri.ts';

const utf8 = new TextEncoder();
const version = 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3';
const uri = parseKeyUri('https://ekm.example.com/v0/a/key')!;
const use = {
  name: version,
  algorithm: 'EXTERNAL_SYMMETRIC_ENCRYPTION',
  material: {},
  reason: 'CUSTOMER_INITIATED_ACCESS',
} as const;

const take = (text: string): ReturnType<typeof takeBytes> =>
  takeBytes(utf8.encode(text), 'plaintext');

describe('a request', () => {
  test("has the members of Cloud EKM's WrapRequest", () => {
    const aad = utf8.encode('aad');
    const input = { field: 'plaintext', bytes: utf8.encode('secret') } as const;
    const body = requestBody(uri, { ...use, isHealthCheck: true }, aad, input);
    expect(JSON.parse(Buffer.from(body).toString())).toEqual({
      keyPath: 'v0/a/key',
      keyUriPrefix: 'https://ekm.example.com/',
      plaintext: Buffer.from('secret').toString('base64'),
      additionalAuthenticatedData: Buffer.from('aad').toString('base64'),
      additionalContext: {
        fullResourceName: `//cloudkms.googleapis.com/${version}`,
        relativeResourceName: version,
        accessReasonContext: { reason: 'CUSTOMER_INITIATED_ACCESS' },
        isKeyHealthCheck: true,
      },
    });
  });
});

describe('an answer', () => {
  test('gives its bytes and its other members, and keeps blanks', () => {
    const body = utf8.encode('{ "allowedCacheDuration":"9s", "plaintext" : "c2VjcmV0" }');
    expect(takeBytes(body, 'plaintext')).toEqual({
      bytes: utf8.encode('secret'),
      rest: { allowedCacheDuration: '9s', plaintext: '        ' },
    });
    expect(Buffer.from(body).toString()).not.toContain('c2VjcmV0');
  });

  test.each([
    ['nothing', ''],
    ['no object', '["plaintext"]'],
    ['text', '<html>"plaintext"</html>'],
    ['without the member', '{"wrappedBlob":"AAAA"}'],
    ['with null', '{"plaintext":null}'],
    ['with a number', '{"plaintext":12}'],
    ['with no base64', '{"plaintext":"*"}'],
    ['with an escape', String.raw`{"plaintext":"AA\u0041A"}`],
    ['cut off in the bytes', '{"plaintext":"AAAA'],
    ['cut off behind the bytes', '{"plaintext":"AAAA"'],
    ['with the member twice', '{"plaintext":"AAAA","plaintext":"BBBB"}'],
    ['with the member inside of another', '{"x":{"plaintext":"AAAA"}}'],
    [
      'with the member inside of another and outside',
      '{"x":{"plaintext":"AAAA"},"plaintext":"BBBB"}',
    ],
    ['that is no UTF-8', '{"plaintext":"AAAA","x":"\u00ff"}'],
  ])('%s is none', (what, text) => {
    const bytes = what.includes('UTF-8') ? Buffer.from(text, 'latin1') : utf8.encode(text);
    expect(takeBytes(new Uint8Array(bytes), 'plaintext')).toBeNull();
  });

  test('of no bytes has no bytes', () => {
    expect(take('{"plaintext":""}')?.bytes).toEqual(new Uint8Array(0));
  });
});

describe('allowedCacheDuration', () => {
  test.each([
    ['300s', 300_000],
    ['0s', 0],
    ['0.5s', 500],
    ['1.000000001s', 1_000],
    ['0.0009s', 0],
    ['-1s', null],
    ['5', null],
    ['5m', null],
    ['', null],
    [5, null],
    [{}, null],
    [null, undefined],
    [undefined, undefined],
  ])('%j is %j ms', (given, ms) => {
    expect(cacheMsOf(given === undefined ? {} : { allowedCacheDuration: given })).toBe(ms);
  });
});

describe('a key URI', () => {
  test('has host, path and prefix', () => {
    expect(parseKeyUri('https://ekm.example.com:8443/v0/k')).toEqual({
      text: 'https://ekm.example.com:8443/v0/k',
      hostname: 'ekm.example.com',
      audience: 'ekm.example.com:8443',
      keyPath: 'v0/k',
      prefix: 'https://ekm.example.com:8443/',
    });
  });

  test.each([
    '',
    'k',
    'http://ekm.example.com/k',
    'https://ekm.example.com',
    'https://ekm.example.com/',
    'https://ekm.example.com/k/',
    'https://ekm.example.com/k?x=1',
    'https://ekm.example.com/k#x',
    'https://me@ekm.example.com/k',
    'https://ekm.example.com/../k',
    'https://EKM.example.com/k',
    'https://ekm.example.com:443/k',
    'https://ekm.example.com/ä',
    ' https://ekm.example.com/k',
    `https://ekm.example.com/${'k'.repeat(2_048)}`,
  ])('%j is none', (text) => {
    expect(parseKeyUri(text)).toBeNull();
  });
});
