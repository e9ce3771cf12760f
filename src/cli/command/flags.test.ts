import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OptionSpec } from './command-spec.ts';
import { durationMs, Flags } from './flags.ts';

const specs: readonly OptionSpec[] = [
  { name: 'max', placeholder: 'N', kind: 'number', range: [1, 100], doc: '' },
  { name: 'count', placeholder: 'N', kind: 'number', doc: '' },
  { name: 'retention', placeholder: 'TIME', kind: 'duration', doc: '' },
  { name: 'deadline', placeholder: 'TIME', kind: 'duration', range: [10_000, 600_000], doc: '' },
  { name: 'label', placeholder: 'NAME=VALUE', kind: 'pairs', doc: '' },
  { name: 'format', placeholder: 'FORMAT', choices: ['text', 'json'], doc: '' },
  { name: 'key', placeholder: 'KEY', doc: '' },
  { name: 'ack', doc: '' },
];

const flags = (name: string, ...texts: string[]): Flags =>
  new Flags(specs, new Map([[name, texts]]));

test('every kind of option is read', () => {
  expect(flags('max', '7').number('max')).toBe(7);
  expect(flags('retention', '1h30m').duration('retention')).toBe(5_400_000);
  expect(flags('deadline', '10m').duration('deadline')).toBe(600_000);
  expect(flags('format', 'json').text('format')).toBe('json');
  expect(flags('key', 'a/b').text('key')).toBe('a/b');
  expect(flags('ack').isSet('ack')).toBe(true);
  expect(flags('ack').isSet('max')).toBe(false);
  const pairs = flags('label', 'a=1', 'b=x=y', '__proto__=z').pairs('label')!;
  expect(Object.entries(pairs)).toEqual([
    ['a', '1'],
    ['b', 'x=y'],
    ['__proto__', 'z'],
  ]);
});

test.each([
  ['max', '0', '--max must be a whole number from 1 to 100, not "0".'],
  ['max', '1e1', '--max must be a whole number from 1 to 100, not "1e1".'],
  ['count', '-1', '--count must be a whole number from 0, not "-1".'],
  ['retention', '7w', '--retention must be a duration such as 90s, 10m, 1h30m or 7d, not "7w".'],
  ['deadline', '5s', '--deadline must be a duration from 10s to 10m, not "5s".'],
  ['deadline', '11m', '--deadline must be a duration from 10s to 10m, not "11m".'],
  ['deadline', '5x', '--deadline must be a duration from 10s to 10m, not "5x".'],
  ['label', 'team', '--label must be NAME=VALUE, not "team".'],
  ['format', 'xml', '--format must be one of text, json, not "xml".'],
])('--%s %s is refused', (name, text, message) => {
  expect(() => flags(name, text)).toThrow(message);
});

test('an option that is no list may be given only once', () => {
  expect(() => flags('key', 'a', 'b')).toThrow('--key may be given only once.');
});

test('asking for an option that the command does not have is a bug', () => {
  expect(() => flags('ack').isSet('nack')).toThrow('option nack is asked for');
});

describe('durations', () => {
  test.each([
    ['0', 0],
    ['90', 90_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['7d', 604_800_000],
    ['1d1h1m1s', 90_061_000],
  ])('%s is %i ms', (text, ms) => expect(durationMs(text)).toBe(ms));

  test('nothing else is a duration', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const isDuration = /^(\d{1,9}|(\d{1,9}[smhd])+)$/.test(text);
        expect(durationMs(text) !== undefined).toBe(isDuration);
      }),
    );
  });
});
