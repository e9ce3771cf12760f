import fc from 'fast-check';
import { expect, test } from 'vitest';

import { SortedMap } from './sorted-map.ts';

const names = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'ä'), maxLength: 4 });
const changes = fc.array(fc.record({ name: names, isSet: fc.boolean() }), { maxLength: 60 });

function mapOf(steps: readonly { name: string; isSet: boolean }[]): SortedMap<number> {
  const map = new SortedMap<number>();
  for (const { name, isSet } of steps) {
    if (isSet) map.set(name, 1);
    else map.delete(name);
  }
  return map;
}

test('a page holds the first names of its prefix after the last page, whatever came and went', () => {
  fc.assert(
    fc.property(changes, names, names, fc.nat(5), (steps, prefix, after, limit) => {
      const map = mapOf(steps);
      const all = [...map.keys()].filter((name) => name.startsWith(prefix)).toSorted();
      const expected = all.filter((name) => name > after).slice(0, limit);
      // The start of a list is the empty name, which nothing is called.
      if (after !== '') expect(map.namesAfter(prefix, after, limit)).toEqual(expected);
      expect(map.countOf(prefix)).toBe(all.length);
    }),
  );
});

test('it holds the values of its names, and an emptied one lists nothing', () => {
  const map = new SortedMap<number>();
  for (const name of ['p/c', 'p/a', 'q/b']) map.set(name, name.length).set(name, 7);
  expect([map.get('p/a'), map.size, map.delete('p/c'), map.delete('p/c')]).toEqual([
    7,
    3,
    true,
    false,
  ]);
  expect(map.namesAfter('p/', '', 10)).toEqual(['p/a']);
  map.clear();
  expect([map.size, map.countOf('p/'), map.namesAfter('p/', '', 10)]).toEqual([0, 0, []]);
});
