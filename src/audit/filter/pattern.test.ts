import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { compilePattern } from './pattern.ts';

function found(pattern: string, text: string): boolean {
  const compiled = compilePattern(pattern);
  if (typeof compiled === 'string') throw new Error(compiled);
  return compiled(text);
}

/** Patterns that RE2 and JavaScript read alike. */
const atoms = fc.constantFrom(
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\w',
  '\\.',
  '\\b',
  '(?:ab|c)',
);
const pieces = fc.tuple(
  atoms,
  fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '{1,}', '*?'),
);
const sequences = fc
  .array(pieces, { maxLength: 4 })
  .map((all) => all.map(([atom, times]) => (atom === '\\b' ? atom : atom + times)).join(''));
const patterns = fc
  .tuple(
    fc.constantFrom('', '^'),
    fc.array(sequences, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '$'),
  )
  .map(([start, all, end]) => `${start}(${all.join('|')})${end}`);

test('finds what the language of regular expressions says', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', ' '), maxLength: 12 });
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      expect(found(pattern, text)).toBe(new RegExp(pattern).test(text));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['(?i)^DECRYPT$', 'Decrypt'],
  ['(?i)[a-c]X', 'Bx'],
  ['^projects/[^/]+/topics/(orders|bills)$', 'projects/p/topics/orders'],
  ['(?P<name>a)', 'xa'],
  ['[]a]', ']'],
  ['[a\\-z]', '-'],
  ['[\\d-]', '-'],
  ['\\Aa\\z', 'a'],
  ['', ''],
  ['x{0}a', 'a'],
])('%s is found in %j', (pattern, text) => {
  expect(found(pattern, text)).toBe(true);
});

describe('what is no pattern, or none of RE2, is refused', () => {
  test.each([
    '(',
    ')',
    '[',
    '[b-a]',
    'a**',
    '*a',
    'a{2,1}',
    'a{1001}',
    '\\',
    '(?=a)',
    '(?!a)',
    '\\1',
    '(a{1000}){1000}',
    '(a?){300}',
  ])('%s', (pattern) => {
    expect(compilePattern(pattern)).toBeTypeOf('string');
  });
});

test('nothing repeated a thousand times, a hundred levels deep, is nothing', () => {
  for (const nothing of ['()', '(x{0})', '(?:)']) {
    const pattern = `${'('.repeat(90)}${nothing}${'{1000})'.repeat(90)}a`;
    expect(found(pattern, 'xa')).toBe(true);
    expect(found(pattern, 'x')).toBe(false);
  }
});

test('a pattern on which others work for ever takes its linear time', () => {
  expect(found('^(a+)+$', `${'a'.repeat(20_000)}b`)).toBe(false);
  expect(found('(.*)(.*)(.*)(.*)(.*)x', 'a'.repeat(20_000))).toBe(false);
});

test('what a name may be is not too large a pattern', () => {
  expect(found('^[a-z][a-z0-9-]{0,62}/(?:topics|keys)/[A-Za-z0-9_-]{1,63}$', 'p/keys/k')).toBe(
    true,
  );
});
