import { describe, expect, test } from 'vitest';
import { formatFor } from './accept.ts';
import { boundText, labelText, Page, type Family } from './exposition.ts';

function pageOf(format: 'text' | 'openmetrics', family: Omit<Family, 'write'>): string {
  const page = new Page(format);
  page.begin(family);
  page.sample(family.name, 'a="b"', 1.5);
  return page.text();
}

describe('OpenMetrics', () => {
  test("a counter of ours is one, under the name without the samples' ending", () => {
    expect(pageOf('openmetrics', { name: 'x_total', help: 'X.', type: 'counter' })).toBe(
      '# HELP x X.\n# TYPE x counter\nx_total{a="b"} 1.5\n# EOF\n',
    );
  });

  test("a counter under Google's name is of unknown type, so that its name stays", () => {
    const family = { name: 'x_count', help: 'X.', type: 'counter' as const };
    expect(pageOf('openmetrics', family)).toBe(
      '# HELP x_count X.\n# TYPE x_count unknown\nx_count{a="b"} 1.5\n# EOF\n',
    );
    expect(pageOf('text', family)).toBe(
      '# HELP x_count X.\n# TYPE x_count counter\nx_count{a="b"} 1.5\n',
    );
  });
});

test('bounds are written as Go and Python write them', () => {
  const bounds = [0.00001, 0.00025, 0.5, 1, 250, 100_000, 1e6, 2.5e7, 1e10, Infinity];
  expect(bounds.map(boundText)).toEqual([
    '1e-05',
    '0.00025',
    '0.5',
    '1.0',
    '250.0',
    '100000.0',
    '1e+06',
    '2.5e+07',
    '1e+10',
    '+Inf',
  ]);
});

test('label values are escaped', () => {
  expect(labelText({ a: 'x"y\\z\n', b: 7 })).toBe(String.raw`a="x\"y\\z\n",b="7"`);
});

test('numbers that are none are written as the formats ask', () => {
  const page = new Page('text');
  for (const value of [NaN, Infinity, -Infinity, 0]) page.sample('x', '', value);
  expect(page.text()).toBe('x NaN\nx +Inf\nx -Inf\nx 0\n');
});

test.each([
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
  ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  ['text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text;q=nonsense,*/*;q=0.1', 'text'],
])('Accept: %s gets %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});
