import { expect, test } from 'vitest';

import { pointInTime } from './point-in-time.ts';

const nowMs = Date.UTC(2026, 0, 31, 12);

test('a time of RFC 3339 is taken as it stands', () => {
  for (const text of ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.123456789+09:00']) {
    expect(pointInTime('time', text, nowMs, 'ago')).toBe(text);
  }
});

test('a duration is counted from now, to the side that the option means', () => {
  expect(pointInTime('time', '2h', nowMs, 'ago')).toBe('2026-01-31T10:00:00.000Z');
  expect(pointInTime('expire-time', '1d', nowMs, 'from now')).toBe('2026-02-01T12:00:00.000Z');
});

test('anything else is refused by name', () => {
  for (const text of ['yesterday', '2026-01-31', '2026-13-31T12:00:00Z', '']) {
    expect(() => pointInTime('time', text, nowMs, 'ago')).toThrow(/^--time must be a time such/);
  }
});
