import { describe, expect, test } from 'vitest';
import { incompatibility } from '../schema-compiler.ts';

function reasonOf(newer: string, older: string): string | null {
  const [one, other] = [newer, older].map((members) => ({
    type: 'PROTOCOL_BUFFER' as const,
    definition: `${members.startsWith('syntax') ? '' : 'syntax = "proto3"; package p; '}${
      members.includes('message M ') ? members : `message M { string kept = 1; ${members} }`
    }`,
  }));
  return incompatibility(one!, other!);
}

/** `reason` null: the newer one may follow the older one. */
const rules: readonly (readonly [
  what: string,
  newer: string,
  older: string,
  reason: string | null,
])[] = [
  ['nothing changed', 'int32 a = 2;', 'int32 a = 2;', null],
  ['an optional field added', 'optional int32 a = 2;', '', null],
  ['a field without a label added, which is optional', 'int32 a = 2;', '', null],
  ['a message added as a field', 'message N { int32 x = 1; } N n = 2;', '', null],
  ['an optional field removed', '', 'optional int32 a = 2;', null],
  ['a repeated field added', 'repeated int32 a = 2;', '', 'p.M.a was added and is not optional.'],
  ['a map removed', '', 'map<int32, int32> a = 2;', 'p.M.a was removed and is not optional.'],
  [
    'a required field added',
    'syntax = "proto2"; message M { required int32 a = 1; }',
    'syntax = "proto2"; message M { }',
    'M.a was added and is not optional.',
  ],
  [
    'a required field removed',
    'syntax = "proto2"; message M { }',
    'syntax = "proto2"; message M { required int32 a = 1; }',
    'M.a was removed and is not optional.',
  ],
  [
    'a required field made optional',
    'syntax = "proto2"; message M { optional int32 a = 1; }',
    'syntax = "proto2"; message M { required int32 a = 1; }',
    'M.a = 1 has another label than before.',
  ],
  ['a field renamed', 'int32 b = 2;', 'int32 a = 2;', 'p.M.a = 2 has another name than before.'],
  ['a type changed', 'int64 a = 2;', 'int32 a = 2;', 'p.M.a = 2 has another type than before.'],
  [
    'another label',
    'repeated int32 a = 2;',
    'int32 a = 2;',
    'p.M.a = 2 has another label than before.',
  ],
  [
    'another presence',
    'optional int32 a = 2;',
    'int32 a = 2;',
    'p.M.a = 2 has another presence than before.',
  ],
  [
    'another JSON name',
    'int32 a = 2 [json_name = "b"];',
    'int32 a = 2;',
    'p.M.a = 2 has another JSON name than before.',
  ],
  [
    'a number changed, which is a field removed and one added',
    'int32 a = 3;',
    'int32 a = 2;',
    null,
  ],
  ['fields in another order', 'int32 b = 3; int32 a = 2;', 'int32 a = 2; int32 b = 3;', null],
  [
    'a type of keys changed',
    'map<int64, int32> a = 2;',
    'map<int32, int32> a = 2;',
    'p.M.a = 2 has another type of keys than before.',
  ],
  [
    'a type of values changed',
    'map<int32, string> a = 2;',
    'map<int32, int32> a = 2;',
    'p.M.a = 2 has another type of values than before.',
  ],
  [
    'a field added to a oneof',
    'oneof o { int32 a = 2; int32 b = 3; }',
    'oneof o { int32 a = 2; }',
    null,
  ],
  [
    'a field moved into a oneof',
    'oneof o { int32 a = 2; }',
    'optional int32 a = 2;',
    'p.M.a = 2 has another oneof than before.',
  ],
  [
    'a field changed within a message',
    'message N { int64 x = 1; } N n = 2;',
    'message N { int32 x = 1; } N n = 2;',
    'p.M.N.x = 1 has another type than before.',
  ],
  [
    'a message within itself changed',
    'message N { N n = 1; repeated int32 y = 2; } map<int32, N> n = 2;',
    'message N { N n = 1; } map<int32, N> n = 2;',
    'p.M.N.y was added and is not optional.',
  ],
  [
    'a value added to an enum',
    'enum E { Z = 0; A = 1; } E e = 2;',
    'enum E { Z = 0; } E e = 2;',
    'p.M.A = 1 is missing in p.M.E.',
  ],
  [
    'a value removed from an enum',
    'enum E { Z = 0; } E e = 2;',
    'enum E { Z = 0; A = 1; } E e = 2;',
    'p.M.A = 1 is missing in p.M.E.',
  ],
  ['an enum that no field has', 'enum E { Z = 0; A = 1; }', 'enum E { Z = 0; }', null],
  ['a number reserved for a field removed', 'reserved 2; reserved "a";', 'int32 a = 2;', null],
  [
    'a number that was reserved',
    'int32 a = 2;',
    'reserved 2 to 9;',
    'p.M.a has a number that was reserved.',
  ],
  [
    'a name that was reserved',
    'int32 a = 2;',
    'reserved "a";',
    'p.M.a has a name that was reserved.',
  ],
  [
    'a default changed',
    'syntax = "proto2"; message M { optional int32 a = 1 [default = 1]; }',
    'syntax = "proto2"; message M { optional int32 a = 1; }',
    'M.a = 1 has another default than before.',
  ],
  ['a packed list', 'repeated int32 a = 2 [packed = false];', 'repeated int32 a = 2;', null],
  [
    'a package renamed',
    'syntax = "proto3"; package q; message M { }',
    'message M { }',
    'The message p.M was renamed to q.M.',
  ],
];

describe('revisions of Protocol Buffers', () => {
  test.each(rules)('%s', (_, newer, older, reason) => {
    expect(reasonOf(newer, older)).toBe(reason);
  });
});
