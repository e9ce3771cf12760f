import { expect, test } from 'vitest';
import { ProtoSchema } from './proto-schema.ts';

const schema = ProtoSchema.ofText(
  'syntax = "proto3"; message M { int64 i = 1; uint64 u = 2; double d = 3; int32 n = 4; string s = 5; repeated int64 r = 6; }',
);
const why = (text: string): string | null => schema.violation(Buffer.from(text), 'JSON');

test.each([
  '{"i": 9223372036854775807}',
  '{"i":9223372036854775296,"u":18446744073709551615}',
  '{"r":[1,9223372036854775807, 9223372036854775300 ,-9223372036854775808]}',
  '{"u":18446744073709550592,"d":18446744073709551615}',
  '{"d":9223372036854775807,"i":9223372036854775806}',
  '{"u":18446744073709551615,"s":"1844674407370955, 18446744073709551615 ,","i":"9223372036854775807"}',
])('integers of 64 bits are exact, up to the largest: %s', (text) => {
  expect(why(text)).toBeNull();
});

test.each([
  '{"i":9223372036854775808}',
  '{"i":18446744073709551615}',
  '{"i":-9223372036854777000}',
  '{"u":18446744073709551616}',
  '{"u":-1}',
  '{"n":9223372036854775807}',
  '{"s":9223372036854775807}',
  '{"i":92233720368547758070}',
  '{"i":9223372036854775807.5}',
])('what 64 bits do not hold, or is of another type, is refused: %s', (text) => {
  expect(why(text)).not.toBeNull();
});
