import { expect, test } from 'vitest';
import { cut, grouped, oneLine, roughly, visible, jsonText } from './plain-text.ts';
import { fieldLines, tableLines } from './table.ts';

test('columns are aligned, numbers at the right, and no line ends with blanks', () => {
  const columns = [{ title: 'NAME' }, { title: 'COUNT', isNumber: true }, { title: 'NOTE' }];
  const rows = [
    ['orders', '7', ''],
    ['né', '12,345', 'x'],
  ];
  expect(tableLines(columns, rows)).toEqual([
    'NAME     COUNT  NOTE',
    'orders       7',
    'né      12,345  x',
  ]);
});

test('what people see as one character takes one column', () => {
  const family = '👨‍👩‍👧';
  expect(tableLines([{ title: 'A' }, { title: 'B' }], [[family, 'b']])).toEqual([
    'A  B',
    `${family}  b`,
  ]);
  expect(cut(`${family}xyz`, 3)).toBe(`${family}x…`);
});

test('fields without a value are left out', () => {
  const fields = [
    ['Topic', 't'],
    ['Labels', ''],
    ['Retention', '7d'],
  ] as const;
  expect(fieldLines(fields)).toEqual(['Topic      t', 'Retention  7d']);
});

test('text of strangers cannot control a terminal', () => {
  expect(visible('a\u001B[2Jb\u009Bc\nd\u202Ee')).toBe(String.raw`a\x1b[2Jb\x9bc\nd\u202ee`);
  expect(tableLines([{ title: 'A' }], [['\u001B[31m']])).toEqual(['A', String.raw`\x1b[31m`]);
  expect(oneLine(' two\n  lines\u0007 ')).toBe(String.raw`two lines\x07`);
});

test('neither can their text as JSON, which stays the same to a program', () => {
  const value = { a: 'x\u009B2J\u202E\u007F\n', b: ['\u001B[31m'] };
  for (const indent of [0, 2]) {
    const text = jsonText(value, indent);
    expect(text).toMatch(/^[ -~\n]*$/);
    expect(JSON.parse(text)).toEqual(value);
  }
});

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [231083, '231,083'],
  [1234567, '1,234,567'],
])('%i is grouped as %s', (value, text) => expect(grouped(value)).toBe(text));

test.each([
  [900, '1 s'],
  [99_000, '99 s'],
  [100_000, '2 min'],
  [7_200_000, '2 h'],
  [259_200_000, '3 d'],
])('%i ms are roughly %s', (ms, text) => expect(roughly(ms)).toBe(text));
