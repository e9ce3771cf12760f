import { shake128 } from '@noble/hashes/sha3.js';
import { expect, test } from 'vitest';
import { runProvider } from './raw-nonce.ts';
import { nodeXaes } from '../../src/crypto/node-aead.ts';
import { xaesDerivation } from '../../src/crypto/subkey.ts';
import { hex, toHex } from '../support/hex.ts';

/** C2SP XAES-256-GCM, "Test vectors": MSB of L is 0 in the first and 1 in the second. */
const published = [
  {
    keyByte: '01',
    associatedData: '',
    subkey: 'c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b',
    sealed: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
  },
  {
    keyByte: '03',
    associatedData: 'c2sp.org/XAES-256-GCM',
    subkey: 'e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8',
    sealed: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
  },
];

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

test.each(published)(
  'XAES-256-GCM gives the published subkey and answer of key $keyByte',
  (vector) => {
    const key = hex(vector.keyByte.repeat(32));
    const derivation = xaesDerivation(key);
    expect(toHex(derivation.subkey(ascii('ABCDEFGHIJKL')).export())).toBe(vector.subkey);
    derivation.destroy();
    const { sealed, opened } = runProvider(nodeXaes, {
      key,
      nonce: ascii('ABCDEFGHIJKLMNOPQRSTUVWX'),
      associatedData: ascii(vector.associatedData),
      plaintext: ascii('XAES-256-GCM'),
      sealed: hex(vector.sealed),
    });
    expect(toHex(sealed)).toBe(vector.sealed);
    expect(opened).toEqual(ascii('XAES-256-GCM'));
  },
);

test('XAES-256-GCM gives the published hash of 10 000 accumulated random sealings', () => {
  const source = shake128.create();
  const hash = shake128.create({ dkLen: 32 });
  const variable = (): Uint8Array => source.xof(source.xof(1)[0]!);
  for (let i = 0; i < 10_000; i++) {
    const vector = {
      key: source.xof(32),
      nonce: source.xof(24),
      plaintext: variable(),
      associatedData: variable(),
      sealed: new Uint8Array(0),
    };
    hash.update(runProvider(nodeXaes, vector).sealed);
  }
  expect(toHex(hash.digest())).toBe(
    'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939',
  );
});
