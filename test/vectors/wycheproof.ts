import { readFileSync } from 'node:fs';
import { hex } from '../support/hex.ts';
import type { AeadVector } from './raw-nonce.ts';

interface AeadTest {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid';
}

export interface KdfTest {
  readonly tcId: number;
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
  readonly result: 'valid' | 'invalid';
}

function testsOf(file: string): readonly unknown[] {
  const text = readFileSync(new URL(`data/${file}`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { tests: unknown[] }).tests;
}

export function kdfTests(file: string): readonly KdfTest[] {
  return testsOf(file) as readonly KdfTest[];
}

export interface WycheproofVector extends AeadVector {
  readonly name: string;
  readonly isValid: boolean;
}

export function aeadVectors(file: string): readonly WycheproofVector[] {
  return (testsOf(file) as readonly AeadTest[]).map((test) => ({
    name: `tcId ${test.tcId} ${test.comment}`,
    isValid: test.result === 'valid',
    key: hex(test.key),
    nonce: hex(test.iv),
    associatedData: hex(test.aad),
    plaintext: hex(test.msg),
    sealed: hex(test.ct + test.tag),
  }));
}
