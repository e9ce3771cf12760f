import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';

import { checkFilter, parseFilter } from './filter-parser.ts';
import { anyExpression, print } from '../../../test/support/filter-samples.ts';

/** The rule that a filter breaks, as INVALID_ARGUMENT names it. */
function rule(text: string): string {
  try {
    checkFilter(text);
  } catch (error) {
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).code).toBe('INVALID_ARGUMENT');
    const { message } = error as RpcError;
    const generic =
      /^You have passed an invalid argument to the service \(argument=filter: (.*)\)\.$/s;
    return generic.exec(message)?.[1] ?? message;
  }
  return 'none';
}

const present = (key: string) => ({ kind: 'present', key }) as const;

describe('the filter language', () => {
  test('has presence, equality, inequality and prefix', () => {
    expect(parseFilter('attributes:a')).toEqual(present('a'));
    expect(parseFilter('attributes.a = "v"')).toEqual({ kind: 'equals', key: 'a', value: 'v' });
    expect(parseFilter('attributes.a!="v"')).toEqual({ kind: 'differs', key: 'a', value: 'v' });
    expect(parseFilter('hasPrefix(attributes.a, "v")')).toEqual({
      kind: 'prefix',
      key: 'a',
      value: 'v',
    });
  });

  test('takes quoted keys wherever a key may stand', () => {
    const key = 'iana.org/language_tag';
    expect(parseFilter(`attributes:"${key}"`)).toEqual(present(key));
    expect(parseFilter(`attributes."${key}" = "en"`)).toMatchObject({ kind: 'equals', key });
    expect(parseFilter(`hasPrefix(attributes."${key}","en")`)).toMatchObject({ key });
  });

  test('lets a key hold dashes and digits, and be any word', () => {
    for (const key of ['a-b', '_x9', 'AND', 'NOT', 'attributes', 'hasPrefix', 'a-']) {
      expect(parseFilter(`attributes:${key}`)).toEqual(present(key));
    }
  });

  test('NOT and - bind tightest, and may be repeated', () => {
    const notA = { kind: 'not', operand: present('a') } as const;
    for (const text of [
      'NOT attributes:a',
      '-attributes:a',
      '- attributes:a',
      'NOT(attributes:a)',
    ]) {
      expect(parseFilter(text)).toEqual(notA);
    }
    expect(parseFilter('NOT -attributes:a')).toEqual({ kind: 'not', operand: notA });
    expect(parseFilter('NOT-attributes:a')).toEqual({ kind: 'not', operand: notA });
    expect(parseFilter('NOT attributes:a AND attributes:b')).toEqual({
      kind: 'and',
      operands: [notA, present('b')],
    });
  });

  test('white space means nothing and may span lines', () => {
    const spread = ' hasPrefix ( attributes \n . a\t,\r\n "v" ) \n AND\n( attributes : b ) ';
    expect(parseFilter(spread)).toEqual(
      parseFilter('hasPrefix(attributes.a,"v")AND(attributes:b)'),
    );
  });

  test('AND and OR mix with parentheses only', () => {
    expect(parseFilter('(attributes:a OR attributes:b) AND attributes:c')).toEqual({
      kind: 'and',
      operands: [{ kind: 'or', operands: [present('a'), present('b')] }, present('c')],
    });
    expect(rule('attributes:a OR attributes:b AND attributes:c')).toBe(
      'position 30: AND and OR must not be mixed without parentheses',
    );
    expect(rule('attributes:a AND attributes:b AND attributes:c OR attributes:d')).toBe(
      'position 48: AND and OR must not be mixed without parentheses',
    );
  });

  test('strings have the escapes of the language and no others', () => {
    const value = (text: string): unknown => parseFilter(`attributes.a = "${text}"`);
    const is = (value: string): unknown => ({ kind: 'equals', key: 'a', value });
    expect(value('\\n\\t\\"\\\\')).toEqual(is('\n\t"\\'));
    expect(value('\\x41\\101\\u307f\\U0001F600')).toEqual(is('AA\u307f\u{1f600}'));
    expect(value('\\1012')).toEqual(is('A2'));
    expect(value('\\377')).toEqual(is('\u00ff'));
    expect(value('日本 $%\u{1f600}')).toEqual(is('日本 $%\u{1f600}'));
    const bad = (text: string): string => rule(`attributes.a = "${text}"`);
    expect(bad('xy\\q')).toBe('position 19: a string has an unknown escape');
    expect(bad('\\400')).toBe('position 17: a string has an unknown escape');
    expect(bad('\\08')).toBe('position 17: a string has an unknown escape');
    expect(bad('\\x4')).toBe('position 17: an escape has too few hexadecimal digits');
    expect(bad('\\u12g4')).toBe('position 17: an escape has too few hexadecimal digits');
    expect(bad('\\ud800')).toBe('position 17: an escape names no Unicode character');
    expect(bad('\\U00110000')).toBe('position 17: an escape names no Unicode character');
  });

  test('positions count characters, not bytes or UTF-16 units', () => {
    expect(rule('attributes."\u{1f600}é" ! "v"')).toBe(
      'position 17: expected = or != after the key of an attribute',
    );
  });

  test.each([
    ['', 'position 1: expected attributes, hasPrefix, NOT, - or ('],
    ['  ', 'position 3: expected attributes, hasPrefix, NOT, - or ('],
    ['bogus(', 'position 1: expected attributes, hasPrefix, NOT, - or ('],
    ['data = "x"', 'position 1: expected attributes, hasPrefix, NOT, - or ('],
    ['Attributes:a', 'position 1: expected attributes, hasPrefix, NOT, - or ('],
    ['HASPREFIX(attributes.a, "v")', 'position 1: expected attributes, hasPrefix, NOT, - or ('],
    ['attributes', 'position 11: expected : or . after attributes'],
    ['attributes["a"] = "v"', 'position 11: expected : or . after attributes'],
    ['attributes:', 'position 12: expected the key of an attribute'],
    ['attributes:9', 'position 12: expected the key of an attribute'],
    ['attributes:*', 'position 12: expected the key of an attribute'],
    ['attributes.a', 'position 13: expected = or != after the key of an attribute'],
    ['attributes.a < "v"', 'position 14: expected = or != after the key of an attribute'],
    ['attributes.a == "v"', 'position 15: expected a string in double quotes'],
    ["attributes.a = 'v'", 'position 16: expected a string in double quotes'],
    ['attributes.a = v', 'position 16: expected a string in double quotes'],
    ['attributes.a = "v', 'position 16: the string is not closed'],
    ['attributes.a = "v\\"', 'position 16: the string is not closed'],
    ['attributes:"a', 'position 12: the string is not closed'],
    ['attributes:a attributes:b', 'position 14: expected AND, OR or the end of the filter'],
    ['attributes:a and attributes:b', 'position 14: expected AND, OR or the end of the filter'],
    ['attributes:a)', 'position 13: expected AND, OR or the end of the filter'],
    ['attributes:a AND', 'position 17: expected attributes, hasPrefix, NOT, - or ('],
    ['attributes:a ANDattributes:b', 'position 14: expected AND, OR or the end of the filter'],
    ['not attributes:a', 'position 1: expected attributes, hasPrefix, NOT, - or ('],
    ['(attributes:a', 'position 14: expected AND, OR or )'],
    ['(attributes:a attributes:b)', 'position 15: expected AND, OR or )'],
    ['()', 'position 2: expected attributes, hasPrefix, NOT, - or ('],
    [
      'hasPrefix attributes.a, "v"',
      'position 11: expected ( in hasPrefix(attributes.KEY, "PREFIX")',
    ],
    [
      'hasPrefix(data, "v")',
      'position 11: expected attributes in hasPrefix(attributes.KEY, "PREFIX")',
    ],
    ['hasPrefix(attributes:a)', 'position 21: expected . in hasPrefix(attributes.KEY, "PREFIX")'],
    ['hasPrefix(attributes.a)', 'position 23: expected , in hasPrefix(attributes.KEY, "PREFIX")'],
    [
      'hasPrefix(attributes.a, "v"',
      'position 28: expected ) in hasPrefix(attributes.KEY, "PREFIX")',
    ],
  ])('%j is refused by position and rule', (text, expected) => {
    expect(rule(text)).toBe(expected);
  });

  test('has at most 256 bytes of UTF-8', () => {
    const filled = (bytes: number): string => `attributes:"${'é'.repeat((bytes - 13) / 2)}"`;
    expect(rule(filled(255))).toBe('none');
    expect(rule(`${filled(255)} `)).toBe('none');
    expect(rule(filled(257))).toBe(
      'The value for filter_size is too large. You passed 257 in the request, ' +
        'but the maximum value is 256.',
    );
  });

  test('nests as deeply as its bytes allow', () => {
    const nested = `${'('.repeat(122)}attributes:a${')'.repeat(122)}`;
    expect(parseFilter(nested)).toEqual(present('a'));
    expect(rule('('.repeat(256))).toBe('position 257: expected attributes, hasPrefix, NOT, - or (');
    expect(rule('-'.repeat(256))).toBe('position 257: expected attributes, hasPrefix, NOT, - or (');
  });

  test('what is printed is read again as it was', () => {
    fc.assert(
      fc.property(anyExpression, fc.infiniteStream(fc.nat()), (expression, choices) => {
        const text = print(expression, choices);
        fc.pre(Buffer.byteLength(text) <= 256);
        expect(parseFilter(text)).toEqual(expression);
      }),
      { numRuns: 500 },
    );
  });

  test('any text is a filter or is refused, and nothing else happens', () => {
    const words = 'attributes hasPrefix "a" a "\\ . : = != ( ) , AND OR NOT - é \\u00'.split(' ');
    const parts = fc.constantFrom(' ', ...words);
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 20 }), (chosen) => {
        expect(rule(chosen.join(''))).toMatch(/^(none|position \d+: .+)$/s);
      }),
      { numRuns: 1000 },
    );
  });
});
