import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealableMessage } from '../wire/message-codec.ts';
import type { SealableMessage } from '../service.ts';
import { compileFilter } from './filter.ts';
import { SlotBits } from './slot-bits.ts';
import { TopicFilters } from './topic-filters.ts';
import { anyAttributes, anyExpression, print } from '../../../test/support/filter-samples.ts';

const messageOf = (attributes: readonly (readonly [string, string])[]): SealableMessage =>
  sealableMessage({ data: Buffer.from('data'), attributes, orderingKey: '' });

const red = messageOf([['colour', 'red']]);
const blue = messageOf([['colour', 'blue']]);
const redFilter = 'attributes.colour = "red"';

test('a topic without filters evaluates nothing', () => {
  const filters = new TopicFilters();
  expect(filters.evaluate([red, blue])).toBeNull();
  filters.join({});
  filters.join({ filter: redFilter });
  expect(filters.evaluate([red, blue])).toBeNull();
});

test('filters come with their first user and go with their last', () => {
  const filters = new TopicFilters();
  filters.join({ filter: redFilter, filterSlot: 7 });
  filters.join({ filter: redFilter, filterSlot: 7 });
  const evaluated = { section: { slots: [7], bits: Uint8Array.of(0b01) }, counts: [1] };
  expect(filters.evaluate([red, blue])).toEqual(evaluated);
  filters.leave({ filter: redFilter, filterSlot: 7 });
  expect(filters.evaluate([red, blue])).toEqual(evaluated);
  filters.leave({ filter: redFilter, filterSlot: 7 });
  expect(filters.evaluate([red, blue])).toBeNull();
  filters.leave({ filter: redFilter, filterSlot: 7 });
  expect(filters.evaluate([red, blue])).toBeNull();
});

test('equal texts share a slot; a 65th text gets none', () => {
  const filters = new TopicFilters();
  filters.join({ filter: redFilter, filterSlot: 7 });
  expect(filters.slotFor(redFilter, 8)).toBe(7);
  expect(filters.slotFor(`${redFilter} `, 8)).toBe(8);
  for (let i = 8; i < 71; i++) filters.join({ filter: `attributes:a${i}`, filterSlot: i });
  expect(filters.slotFor('attributes:other', 71)).toBeUndefined();
  expect(filters.slotFor('attributes:a70', 71)).toBe(70);
  filters.leave({ filter: redFilter, filterSlot: 7 });
  expect(filters.slotFor(redFilter, 71)).toBe(71);
});

test('evaluated together, filters say what each of them says alone', () => {
  const messages = fc.array(anyAttributes, { minLength: 1, maxLength: 20 });
  const expressions = fc.array(anyExpression, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(expressions, messages, (expressions, attributes) => {
      const texts = expressions.map((expression) => print(expression, []));
      fc.pre(texts.every((text) => Buffer.byteLength(text) <= 256));
      const filters = new TopicFilters();
      for (const [filterSlot, filter] of texts.entries()) filters.join({ filter, filterSlot });
      // Keys that publishers may not use do not come this far.
      const sealed = attributes.map((entries) => messageOf([...new Map(entries)]));
      const { section, counts } = filters.evaluate(sealed)!;
      const run = { base: 50, count: sealed.length, filters: section };
      for (const [slot, text] of texts.entries()) {
        const filter = compileFilter(text);
        const expected = sealed.map(({ bytes }) => filter.matches(bytes));
        const bits = SlotBits.of(run, slot)!;
        expect(sealed.map((_, i) => bits.has(i))).toEqual(expected);
        expect(counts[slot]).toBe(expected.filter(Boolean).length);
        expect(bits.countFrom(50)).toBe(counts[slot]);
        expect(bits.countFrom(51)).toBe(expected.slice(1).filter(Boolean).length);
      }
      expect(SlotBits.of(run, texts.length)).toBeNull();
      expect(SlotBits.of(run, null)).toBeNull();
    }),
    { numRuns: 200 },
  );
});
