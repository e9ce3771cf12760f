import { describe, expect, test } from 'vitest';

import { structuredEntry } from './log-line.ts';
import type { ServiceLogEntry } from './service-logs.ts';

const cameMs = Date.UTC(2026, 0, 1, 12);
const revision = { project: 'p', location: 'l', serviceId: 's', revisionId: 's-1' };
const line = (text: string, more: Partial<ServiceLogEntry> = {}): ServiceLogEntry =>
  structuredEntry({ log: 'stdout', severity: 'DEFAULT', revision, timeMs: cameMs, text, ...more });

test('a line that is no JSON object is its text', () => {
  for (const text of ['hello', '', '[1]', '"a"', '{', '{"a":1} and more', 'x {"a":1}']) {
    expect(line(text)).toMatchObject({ text, severity: 'DEFAULT', timeMs: cameMs });
    expect(line(text).json).toBeUndefined();
  }
});

test('a JSON object becomes the entry, its severity the severity of the entry', () => {
  const entry = line('{"severity":"NOTICE","message":"hi","n":1}');
  expect(entry).toMatchObject({ severity: 'NOTICE', json: { message: 'hi', n: 1 } });
  expect(entry.text).toBeUndefined();
  expect(entry.json).not.toHaveProperty('severity');
});

test.each([
  ['error', 'ERROR'],
  ['warn', 'WARNING'],
  ['fatal', 'CRITICAL'],
  ['EMERGENCY', 'EMERGENCY'],
])('severity %s is %s', (named, severity) => {
  expect(line(JSON.stringify({ severity: named, a: 1 })).severity).toBe(severity);
});

test('a severity that nobody knows stays a field', () => {
  for (const severity of ['loud', 7, null]) {
    expect(line(JSON.stringify({ severity, a: 1 }))).toMatchObject({
      severity: 'DEFAULT',
      json: { severity, a: 1 },
    });
  }
});

test('an object with nothing but a message left is that text', () => {
  const time = new Date(cameMs).toISOString();
  const entry = line(JSON.stringify({ severity: 'INFO', time, message: 'hi' }));
  expect(entry).toMatchObject({ severity: 'INFO', text: 'hi' });
  expect(entry.json).toBeUndefined();
});

describe('the time of a line', () => {
  test('is its own word if that is of the last minute', () => {
    const timeMs = cameMs - 1_234;
    const time = new Date(timeMs).toISOString();
    const entry = line(JSON.stringify({ time, a: 1 }));
    expect(entry).toMatchObject({ timeMs, json: { a: 1 } });
    expect(entry.json).not.toHaveProperty('time');
  });

  test('is when it came if its word is of the future, long past, or no time', () => {
    for (const time of [
      new Date(cameMs + 1).toISOString(),
      new Date(cameMs - 60_001).toISOString(),
      '2026-99-99T00:00:00Z',
      'Thu, 01 Jan 2026 12:00:00 GMT',
      cameMs,
    ]) {
      expect(line(JSON.stringify({ time, a: 1 }))).toMatchObject({
        timeMs: cameMs,
        json: { time },
      });
    }
  });
});

test('an object so deep that nobody could write it again is its text', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(line(nested(50)).json).toBeDefined();
  for (const text of [
    nested(1_000),
    nested(8_180),
    `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`,
  ]) {
    expect(line(text)).toMatchObject({ text });
    expect(line(text).json).toBeUndefined();
  }
});

test('what Run itself writes is not read as JSON', () => {
  expect(line('{"a":1}', { log: 'varlog/system' })).toMatchObject({ text: '{"a":1}' });
});

test('an entry that comes with an object is read the same', () => {
  const { text: _text, ...rest } = line('x');
  const entry = structuredEntry({ ...rest, json: { severity: 'ERROR', message: 'hi' } });
  expect(entry).toMatchObject({ severity: 'ERROR', text: 'hi' });
});

test('a line that is too long is cut, never within a character', () => {
  const long = `${'a'.repeat(64 * 1024 - 1)}😀${'b'.repeat(100)}`;
  const { text = '' } = line(long);
  expect(text.length).toBe(64 * 1024 + 1);
  expect(text.isWellFormed()).toBe(true);
  expect(line(JSON.stringify({ long })).text?.endsWith('…')).toBe(true);
});

test('names of prototypes are fields like others', () => {
  const { json } = line('{"__proto__":{"x":1},"constructor":"c"}');
  expect(Object.keys(json ?? {})).toEqual(['__proto__', 'constructor']);
});
