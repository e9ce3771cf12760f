import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AeadProvider } from '../../src/crypto/index.ts';
import { providersOf } from '../../src/crypto/providers.ts';
import { openSegment, sealSegment, type SegmentPlace } from '../../src/envelope/index.ts';
import { hex, toHex } from '../support/hex.ts';
import { PlainDek } from '../support/plain-dek.ts';

interface Golden {
  readonly name: string;
  readonly suite: number;
  readonly dek: string;
  readonly dekVersion: number;
  readonly id: string;
  readonly topicUid: string;
  readonly lane: number;
  readonly base: number;
  readonly epoch: number;
  readonly timeMs: number;
  readonly messages: readonly string[];
  /** Absent: a segment without filter bits. */
  readonly filters?: { readonly slots: readonly number[]; readonly bits: string };
  readonly body: string;
}

const file = new URL('data/segment-format-1.json', import.meta.url);
const { segments } = JSON.parse(readFileSync(file, 'utf8')) as { segments: readonly Golden[] };

const cases: readonly (readonly [string, Golden, AeadProvider])[] = segments.flatMap((golden) =>
  providersOf(golden.suite).map(
    (provider) => [`${golden.name}, by ${provider.name}`, golden, provider] as const,
  ),
);

test('golden segments of both suites are there, with filter bits and without', () => {
  for (const hasFilters of [false, true]) {
    const some = segments.filter((golden) => (golden.filters !== undefined) === hasFilters);
    expect(new Set(some.map((golden) => golden.suite))).toEqual(new Set([1, 2]));
  }
  expect(cases.length).toBeGreaterThan(segments.length);
});

test.each(cases)('%s: seals to the golden bytes and opens them', (_, golden, provider) => {
  const dek = new PlainDek(provider, hex(golden.dek), golden.dekVersion);
  const { lane, base, epoch, timeMs } = golden;
  const place: SegmentPlace = { topicUid: hex(golden.topicUid), lane, base, epoch, timeMs };
  const messages = golden.messages.map((message) => ({ bytes: hex(message) }));
  const id = hex(golden.id);

  const filters =
    golden.filters === undefined
      ? null
      : { slots: golden.filters.slots, bits: hex(golden.filters.bits) };

  expect(toHex(sealSegment(dek, id, place, messages, { filters }))).toBe(golden.body);
  const opened = openSegment(dek, place, { id, count: messages.length, body: hex(golden.body) });
  const bytes = messages.map((_, i) =>
    opened.bytes.subarray(opened.offsets[i], opened.offsets[i + 1]),
  );
  expect(bytes.map((message) => toHex(message))).toEqual(golden.messages);
  expect(opened.filters).toEqual(filters);
});
