import { expect, test } from 'vitest';
import { expectedTally, readFlights, Tally } from './flights.ts';

test('the data set has 200,000 records, each the text that its file has', async () => {
  const { records } = await readFlights(Infinity);
  expect(records.length).toBe(200_000);
  expect(JSON.parse(String(records[7]))).toEqual({ delay: 20, distance: 373, time: 0 });
});

test('the checksum depends on every byte and every row, not on the order', () => {
  const tallyOf = (rows: readonly [number, string][]): string => {
    const tally = new Tally(10);
    for (const [row, text] of rows) tally.add(row, Buffer.from(text));
    return tally.checksum;
  };
  const right = tallyOf([
    [0, 'a'],
    [1, 'b'],
  ]);
  expect(
    tallyOf([
      [1, 'b'],
      [0, 'a'],
    ]),
  ).toBe(right);
  expect(
    tallyOf([
      [0, 'a'],
      [1, 'c'],
    ]),
  ).not.toBe(right);
  expect(
    tallyOf([
      [0, 'b'],
      [1, 'a'],
    ]),
  ).not.toBe(right);
});

test('a row that comes twice is a duplicate and is summed once', async () => {
  const flights = await readFlights(3);
  const tally = new Tally(3);
  for (const row of [2, 0, 2, 1, 0]) tally.add(row, flights.records[row]!);
  expect([tally.count, tally.duplicateCount]).toEqual([3, 2]);
  expect(tally.checksum).toBe(expectedTally(flights).checksum);
});

test('identical records of different rows do not cancel out', () => {
  const one = new Tally(4);
  one.add(0, Buffer.from('x'));
  const three = new Tally(4);
  for (const row of [0, 1, 2]) three.add(row, Buffer.from('x'));
  expect(three.checksum).not.toBe(one.checksum);
});
