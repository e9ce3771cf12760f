import { describe, expect, test } from 'vitest';

import { defaultTransformLimits } from '../limits.ts';
import type { TransformableMessage } from '../transform.ts';
import { forAuthor, readAnswer } from './udf-answer.ts';

const before: TransformableMessage = {
  data: new Uint8Array(0),
  attributes: { googclient_schemaencoding: 'JSON', kept: 'yes' },
  orderingKey: '',
  messageId: '',
};
const limits = { ...defaultTransformLimits, dataBytesMax: 10 };
const read = (answer: unknown): ReturnType<typeof readAnswer> =>
  readAnswer(JSON.stringify(answer), before, limits);
const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

describe('what a function returned', () => {
  test('is a message, or null for none', () => {
    expect(read(null)).toEqual({ kind: 'filtered' });
    const { attributes } = before;
    expect(read({ data: 'x' })).toEqual({ kind: 'transformed', data: 'x', attributes });
    expect(read({ data: '', attributes: {} })).toEqual({
      kind: 'transformed',
      data: '',
      attributes: {},
    });
  });

  test('may have an attribute of any name that others may, __proto__ too', () => {
    const json = '{"data":"","attributes":{"__proto__":"p","constructor":"c"}}';
    const outcome = readAnswer(json, before, limits);
    expect(outcome.kind === 'transformed' && Object.entries(outcome.attributes)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  test('may keep what the service added, and not change it', () => {
    const kept = { googclient_schemaencoding: 'JSON' };
    expect(read({ data: '', attributes: kept }).kind).toBe('transformed');
    const changed = { googclient_schemaencoding: 'BINARY' };
    expect(read({ data: '', attributes: changed })).toEqual({
      kind: 'wrong',
      message: "The attribute key 'googclient_schemaencoding' is reserved.",
    });
  });

  test.each([
    ['data in bytes, not characters', { data: 'é'.repeat(6) }, /'data'.*too large/],
    ['lone surrogates', { data: '\ud800' }, /not valid Unicode/],
    ['attributes that are null', { data: '', attributes: null }, /not an object/],
    ['attributes in a list', { data: '', attributes: ['a'] }, /not an object/],
    ['a number', { data: '', attributes: { a: 1 } }, /'a' is not a string/],
    ['an object', { data: '', attributes: { a: {} } }, /'a' is not a string/],
    ['no key', { data: '', attributes: { '': 'v' } }, /empty key/],
    ['a surrogate in a key', { data: '', attributes: { 'a\udc00': 'v' } }, /not valid Unicode/],
    ['a reserved key', { data: '', attributes: { goog: 'v' } }, /reserved/],
    ['a long key', { data: '', attributes: { [`é${'k'.repeat(255)}`]: 'v' } }, /key.*too long/],
    ['a long value', { data: '', attributes: { k: 'v'.repeat(1025) } }, /value.*too long/],
    ['many attributes', { data: '', attributes: many(101) }, /more than 100/],
    ['an error', { error: 'TypeError: x' }, /^TypeError: x$/],
  ])('is refused for %s', (_, answer, message) => {
    const outcome = read(answer);
    expect(outcome.kind === 'wrong' && outcome.message).toMatch(message);
  });

  test('is a message up to each limit', () => {
    const attributes = { ...many(98), ['k'.repeat(256)]: 'v', v: 'v'.repeat(1024) };
    expect(read({ data: 'é'.repeat(5), attributes }).kind).toBe('transformed');
  });

  test('has no line of ours in its stack', () => {
    const stack = 'Error: x\n    at f (udf.js:1:2)\n    at <anonymous> (prelude.js:65:20)\n';
    expect(forAuthor(stack)).toBe('Error: x\n    at f (udf.js:1:2)');
  });
});
