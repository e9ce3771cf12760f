import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
  type FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { SchemaError } from '../schema.ts';
import { ProtoSchema } from './proto-schema.ts';

const proto3 = (body: string): ProtoSchema => ProtoSchema.ofText(`syntax = "proto3"; ${body}`);
const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');

describe('definitions', () => {
  test.each<readonly [what: string, text: string]>([
    [
      'each kind of member',
      `syntax = "proto3"; package a.b;
       option java_package = "x" "y";
       /* a comment */ message M {
         option deprecated = true;
         optional string k = 1 [deprecated = true, json_name = "K"];
         repeated int32 r = 2 [packed = false]; // one more
         map<string, M> m = 0x3;
         oneof o { int32 x = 4; .a.b.M.E y = 5; }
         enum E { option allow_alias = true; Z = 0; A = 1; B = 1; N = -1; reserved 5 to max; }
         E e = 010; b.M.E again = 9; message E2 { M back = 1; }
         reserved 20 to 30, 40, 100 to max; reserved "foo", "bar";
       };`,
    ],
    [
      'proto2',
      `message M { required string k = 1 [default = "x\\n"]; optional float f = 2 [default = -inf];
       optional group G = 3 { optional int32 z = 1; } extensions 100 to 200;
       optional bytes b = 4 [default = "\\001"]; optional E e = 5 [default = B]; optional int32 h = 7 [default = 0x10]; optional double d = 8 [default = -1.5e3];
       enum E { A = 1; B = 2; } repeated G gs = 6; }`,
    ],
    [
      'well-known types',
      `syntax = "proto3"; import "google/protobuf/timestamp.proto";
       import public "google/protobuf/any.proto";
       message M { google.protobuf.Timestamp t = 1; .google.protobuf.Any a = 2; }`,
    ],
    [
      'names that built-in objects have',
      `syntax = "proto3"; message __proto__ { string constructor = 1; string toString = 2;
       message hasOwnProperty {} hasOwnProperty valueOf = 3; oneof prototype { int32 __proto__ = 4; } }`,
    ],
    ['an enum beside the message', 'syntax = "proto3"; enum E { Z = 0; } message M { E e = 1; }'],
    ['single quotes', "syntax = 'proto3'; message Message { optional string key = 1; }"],
  ])('%s is accepted', (_, text) => {
    expect(() => ProtoSchema.ofText(text)).not.toThrow();
  });

  test.each<readonly [what: string, body: string, reason: RegExp]>([
    ['no message', '', /exactly one message at the top; this has 0/],
    ['two messages', 'message A {} message B {}', /exactly one message at the top; this has 2/],
    ['a service', 'message A {} service S {}', /"service" has no place/],
    ['an extension', 'message A { extend A { int32 x = 1; } }', /Extensions have no place/],
    ['an import', 'import "other.proto"; message A {}', /Only google\/protobuf/],
    ['a type that is unknown', 'message A { B b = 1; }', /"B" is no known type/],
    ['a type that is not imported', 'message A { google.protobuf.Any b = 1; }', /no known type/],
    [
      'a type that an inner name hides',
      'package p; message A { message p {} p.A a = 1; }',
      /no known/,
    ],
    ['a number twice', 'message A { int32 a = 1; int32 b = 1; }', /number 1 of the field "b"/],
    ['a name twice', 'message A { int32 a = 1; int32 a = 2; }', /"A.a" is defined twice/],
    ['a JSON name twice', 'message A { int32 a_b = 1; int32 aB = 2; }', /JSON name/],
    ['values of one name', 'message A { enum E { Z = 0; } enum F { Z = 0; } }', /"A.Z" is defined/],
    ['the number 0', 'message A { int32 a = 0; }', /not between 1 and 536870911/],
    ['a number too large', 'message A { int32 a = 536870912; }', /not between/],
    ['a number of no 32 bits', 'message A { int32 a = 99999999999; }', /32 bits/],
    ['a number that is none', 'message A { int32 a = 1.5; }', /32 bits/],
    ['a number of our own', 'message A { int32 a = 19500; }', /19000 to 19999/],
    ['a reserved number', 'message A { reserved 1 to 5; int32 a = 3; }', /reserved/],
    ['a reserved name', 'message A { reserved "a"; int32 a = 3; }', /reserved/],
    ['ranges that overlap', 'message A { reserved 1 to 5, 5; }', /is wrong/],
    ['a range that is empty', 'message A { reserved 5 to 1; }', /empty/],
    ['required fields', 'message A { required int32 a = 1; }', /proto3 has no required/],
    ['groups', 'message A { repeated group G = 1 {} }', /no groups/],
    ['a default', 'message A { int32 a = 1 [default = 1]; }', /no defaults/],
    ['an enum without a zero', 'message A { enum E { X = 1; } }', /must be 0/],
    ['an enum without values', 'message A { enum E { } }', /no values/],
    ['an alias', 'message A { enum E { X = 0; Y = 0; } }', /number 0/],
    ['a key of a map', 'message A { map<double, int32> m = 1; }', /no entry of a map/],
    ['a list of maps', 'message A { repeated map<int32, int32> m = 1; }', /line 1|expected/i],
    ['an option', 'message A { int32 a = 1 [nope = 1]; }', /"nope" is not known/],
    ['an option twice', 'message A { int32 a = 1 [packed = true, packed = true]; }', /set twice/],
    ['a custom option', 'option (x).y = 1; message A {}', /Custom options/],
    ['a oneof without fields', 'message A { oneof o {} }', /at least one field/],
    ['a label within a oneof', 'message A { oneof o { repeated int32 a = 1; } }', /expected "="/],
    ['a brace that is missing', 'message A {', /found the end/],
    ['a brace too many', 'message A {} }', /found "}"/],
    ['a comment that never ends', 'message A {} /* ', /never ends/],
    ['a string over lines', 'option java_package = "a\nb"; message A {}', /begins nothing/],
    ['what is no text', 'message A { \u0000 }', /begins nothing/],
    ['messages nested beyond measure', 'message A {'.repeat(10_000), /nested over 32 deep/],
    ['options nested beyond measure', `option java_package = ${'{a:'.repeat(9000)}`, /32 deep/],
    ['a word beyond measure', `message ${'A'.repeat(10_000)} {}`, /too long/],
    ['a package beyond measure', `package a${'.a'.repeat(10_000)}; message A {}`, /too long/],
  ])('%s is refused', (_, body, reason) => {
    expect(() => proto3(body)).toThrow(SchemaError);
    expect(() => proto3(body)).toThrow(reason);
  });

  test.each<readonly [what: string, text: string, reason: RegExp]>([
    ['a field without a label', 'syntax = "proto2"; message A { int32 a = 1; }', /needs a label/],
    ['a default of another type', 'message A { optional int32 a = 1 [default = "1"]; }', /default/],
    [
      'a default that is none',
      'message A { optional bool a = 1 [default = 7]; }',
      /none of its type/,
    ],
    [
      'a default out of range',
      'message A { optional uint32 a = 1 [default = -1]; }',
      /none of its/,
    ],
    ['a default of a message', 'message A { optional A a = 1 [default = 1]; }', /none of its/],
    [
      'a default that is no value',
      'message A { optional E a = 1 [default = B]; enum E { A1 = 0; } }',
      /resolved/,
    ],
    ['an unknown syntax', 'syntax = "proto4"; message A {}', /"proto2" or "proto3"/],
    ['an edition', 'edition = "2023"; message A {}', /"edition" has no place/],
    ['text that is no definition', 'hello', /"hello" has no place/],
  ])('%s is refused in proto2', (_, text, reason) => {
    expect(() => ProtoSchema.ofText(text)).toThrow(SchemaError);
    expect(() => ProtoSchema.ofText(text)).toThrow(reason);
  });

  test('an error names its line', () => {
    expect(() => proto3('\n// one\nmessage A {\n int32 = 1; }')).toThrow(
      /^Line 4: expected the name/,
    );
  });

  test('as many fields as a definition can hold are understood', () => {
    const fields = Array.from({ length: 12_000 }, (_, at) => `int32 f${at}=${at + 20_000};`);
    expect(proto3(`message A {${fields.join('')}}`).violation(hex(''), 'BINARY')).toBeNull();
  });
});

describe('messages in JSON', () => {
  const schema =
    proto3(`import "google/protobuf/timestamp.proto"; import "google/protobuf/any.proto";
    import "google/protobuf/struct.proto";
    message M { optional string first_name = 1; int64 i = 2; google.protobuf.Timestamp t = 3; M m = 4;
      repeated string constructor = 5; map<string, int32> map = 6; bytes b = 7; E e = 8;
      google.protobuf.Any any = 9; google.protobuf.Struct struct = 10; oneof o { int32 x = 11; int32 y = 12; }
      enum E { Z = 0; A = 1; } double d = 13; uint32 u = 14; }`);
  const verdict = (text: string): string | null => schema.violation(Buffer.from(text), 'JSON');

  test.each([
    '{}',
    '{"firstName":"a"}',
    '{"first_name":"a"}',
    '{"i":"9223372036854775807"}',
    '{"i":5}',
    '{"t":"2020-01-01T00:00:00.5Z"}',
    '{"m":{"m":null}}',
    '{"constructor":["a"]}',
    '{"map":{"__proto__":1}}',
    '{"b":"AAE="}',
    '{"e":"A"}',
    '{"e":77}',
    '{"any":{"@type":"type.googleapis.com/M","i":"1"}}',
    '{"struct":{"a":[1,{"b":null}]}}',
    '{"d":"NaN"}',
  ])('%s conforms', (text) => {
    expect(verdict(text)).toBeNull();
  });

  test.each([
    '',
    'x',
    '[]',
    'null',
    '{"nope":1}',
    '{"firstName":1}',
    '{"firstName":"a","firstName":"b"}',
    '{"firstName":"a","first_name":"b"}',
    '{"i":"9223372036854775808"}',
    '{"i":1.5}',
    '{"u":-1}',
    '{"t":"yesterday"}',
    '{"b":"%"}',
    '{"e":"NOPE"}',
    '{"any":{"@type":"type.googleapis.com/Unknown"}}',
    '{"x":1,"y":2}',
    '{"map":{"a":1,"a":2}}',
    '{"constructor":[null]}',
    '{"d":NaN}',
    '{} {}',
    '['.repeat(200_000),
    `${'{"m":'.repeat(5000)}{}${'}'.repeat(5000)}`,
    `{"struct":${'{"a":'.repeat(5000)}1${'}'.repeat(5001)}`,
  ])('%.30s departs', (text) => {
    const reason = verdict(text);
    expect(reason).toEqual(expect.any(String));
    expect(reason!.length).toBeLessThan(400);
  });

  test('bytes that are not UTF-8 are a violation', () => {
    expect(schema.violation(hex('7bc328'), 'JSON')).toMatch(/UTF-8/);
  });

  test('required fields are required, at any depth', () => {
    const two = ProtoSchema.ofText('message A { required int32 a = 1; optional A b = 2; }');
    expect(two.violation(Buffer.from('{"a":1,"b":{"a":2}}'), 'JSON')).toBeNull();
    expect(two.violation(Buffer.from('{"a":1,"b":{}}'), 'JSON')).toMatch(/required/);
  });
});

/** Below 16,384. */
const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7];

describe('messages in binary', () => {
  const schema = proto3(`message M { string s = 1; repeated int32 r = 2; M m = 3; fixed32 f = 4;
    map<string, M> map = 5; bytes b = 6; repeated fixed64 q = 7; }`);
  const two = ProtoSchema.ofText(
    'message A { required int32 a = 1; optional group G = 2 { optional A n = 1; } optional string s = 3; }',
  );

  test.each<readonly [what: string, schema: ProtoSchema, data: string]>([
    ['nothing', schema, ''],
    ['a string', schema, '0a02c3a9'],
    ['a packed list', schema, '1203 01ac02'],
    ['a list that is not packed', schema, '1001 1002'],
    ['a message within', schema, '1a03 0a0161'],
    ['an entry of a map', schema, '2a05 0a0161 1200'],
    ['a negative number of ten bytes', schema, '10ffffffffffffffffff01'],
    ['a group', two, '0801 13 0a02 0802 14'],
    ['a string of proto2, which may be any bytes', two, '0801 1a01ff'],
  ])('%s conforms', (_, of, data) => {
    expect(of.violation(hex(data), 'BINARY')).toBeNull();
  });

  test.each<readonly [what: string, schema: ProtoSchema, data: string, reason: RegExp]>([
    ['a string too short', schema, '0a05', /Not enough data/],
    ['a string that is not UTF-8', schema, '0a02c328', /not UTF-8/],
    ['a key that is not UTF-8', schema, '2a04 0a02c328', /not UTF-8/],
    ['a length beyond all bytes', schema, '0affffffffffffffffff01', /Not enough data/],
    ['a message beyond the one around it', schema, '1a02 0a0161', /Not enough data/],
    ['a number that never ends', schema, `10${'ff'.repeat(20)}`, /more than ten bytes/],
    ['a number cut off', schema, '1080', /Not enough data/],
    ['a packed list cut off', schema, '120180', /Not enough data/],
    ['a packed list of odd bytes', schema, `3a07${'00'.repeat(7)}`, /Not enough data/],
    ['a fixed cut off', schema, '250000', /Not enough data/],
    ['the field 0', schema, '0001', /no number of a field/],
    ['a tag beyond 32 bits', schema, '8080808010 00', /no number of a field/],
    ['a field of another revision', schema, 'f80101', /field 31 is not in the schema/],
    ['a group of another revision', schema, 'fb01 0801 fc01', /field 31 is not in the schema/],
    ['such a field further in', schema, '1a03 f80101', /field 31 is not in the schema/],
    ['an unknown wire type', schema, '0e', /no wire type|not in the wire type/],
    ['a group that does not end', two, '13', /does not end/],
    ['the end of another group', two, '131c', /has not begun/],
    ['the end of no group', schema, '0c', /has not begun/],
    ['a string as a number', schema, '0801', /field 1 is not in the wire type/],
    ['a message as a group', schema, '1b1c', /field 3 is not in the wire type/],
    ['a group as a message', two, '0801 1200', /field 2 is not in the wire type/],
    ['a number as a list', two, '0a0101', /field 1 is not in the wire type/],
    ['a required field that is missing', two, '1a0161', /"a" is missing/],
    ['one missing within', two, '0801 13 0a00 14', /"a" is missing/],
  ])('%s is refused', (_, of, data, reason) => {
    expect(of.violation(hex(data), 'BINARY')).toMatch(reason);
  });

  test('groups and messages nest no deeper than a hundred', () => {
    const self = ProtoSchema.ofText('message N { optional group G = 15 { optional N n = 1; } }');
    expect(self.violation(Buffer.alloc(1_000_000, 0x7b), 'BINARY')).not.toBeNull();
    // Each turn goes two deeper: into the group, and into the message within.
    const turns = (depth: number): Buffer => {
      let bytes = Buffer.alloc(0);
      for (let turn = 0; turn < depth; turn += 2) {
        const inner = Buffer.from([0x0a, ...varint(bytes.length)]);
        bytes = Buffer.concat([Buffer.from([0x7b]), inner, bytes, Buffer.from([0x7c])]);
      }
      return bytes;
    };
    expect(self.violation(turns(100), 'BINARY')).toBeNull();
    expect(self.violation(turns(102), 'BINARY')).toMatch(/nested more than 100 deep/);
  });
});

describe('compiled definitions', () => {
  type File = MessageInitShape<typeof FileDescriptorProtoSchema>;
  const set = (...file: readonly File[]): Uint8Array =>
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...file] }));
  const root: File = {
    name: 'root.proto',
    package: 'p',
    syntax: 'proto3',
    dependency: ['part.proto', 'google/protobuf/timestamp.proto'],
    messageType: [
      {
        name: 'Root',
        field: [
          {
            name: 'a_part',
            number: 1,
            label: Label.OPTIONAL,
            type: Type.MESSAGE,
            typeName: '.q.Part',
          },
          {
            name: 'at',
            number: 2,
            label: Label.OPTIONAL,
            type: Type.MESSAGE,
            typeName: '.google.protobuf.Timestamp',
          },
        ],
      },
    ],
  };
  const part: File = {
    name: 'part.proto',
    package: 'q',
    syntax: 'proto3',
    messageType: [
      {
        name: 'Part',
        field: [{ name: 'id', number: 1, label: Label.OPTIONAL, type: Type.STRING }],
      },
    ],
  };

  test('a root with its imports, in any order, judges messages', () => {
    const schema = ProtoSchema.ofCompiled(set(root, part), 'p.Root');
    const json = Buffer.from('{"aPart":{"id":"x"},"at":"2020-01-01T00:00:00Z"}');
    expect(schema.violation(json, 'JSON')).toBeNull();
    expect(schema.violation(Buffer.from('{"id":"x"}'), 'JSON')).toMatch(/unknown/);
    expect(schema.violation(hex('0a03 0a0161'), 'BINARY')).toBeNull();
    expect(() => ProtoSchema.ofCompiled(set(part, root), '.q.Part')).not.toThrow();
  });

  const field = { name: 'x', number: 1, label: Label.OPTIONAL, type: Type.STRING } as const;
  const self = (more: object, name = 'M'): Uint8Array =>
    set({ name: 'm.proto', syntax: 'proto3', messageType: [{ name, ...more }] });
  test.each<readonly [what: string, bytes: Uint8Array, root: string, reason: RegExp]>([
    ['bytes that are none', Buffer.from('hello'), 'M', /no FileDescriptorSet/],
    ['no files', set(), 'M', /no message "M"/],
    ['a root that is missing', set(part), 'q.Nope', /no message "q.Nope"/],
    ['an import that is missing', set(root), 'p.Root', /imports "part.proto", which is missing/],
    ['a file that is given twice', set(part, part), 'q.Part', /given twice/],
    [
      'files that import each other',
      set({ ...part, dependency: ['root.proto'] }, root),
      'p.Root',
      /imports itself/,
    ],
    [
      'a file that imports itself',
      set({ ...part, dependency: ['part.proto'] }),
      'q.Part',
      /itself/,
    ],
    ['a name twice over files', set(part, { ...part, name: 'b.proto' }), 'q.Part', /twice/],
    ['our own package', set({ ...part, package: 'google.protobuf' }), 'q.Part', /belongs to/],
    ['an edition', set({ ...part, syntax: 'editions' }), 'q.Part', /neither proto2 nor proto3/],
    ['a type that is missing', set({ ...root, dependency: [] }), 'p.Root', /cannot be resolved/],
    ['a name that is none', self({}, 'a;b'), 'M', /no name of a message/],
    ['a field that has no name', self({ field: [{ ...field, name: '' }] }), 'M', /no name of a f/],
    ['a number that is none', self({ field: [{ ...field, number: -1 }] }), 'M', /not between/],
    ['a oneof that is missing', self({ field: [{ ...field, oneofIndex: 3 }] }), 'M', /oneof/],
    ['an entry of a map that is none', self({ options: { mapEntry: true } }), 'M', /no entry/],
    ['a message set', self({ options: { messageSetWireFormat: true } }), 'M', /message set/],
  ])('%s is refused', (_, bytes, rootMessage, reason) => {
    expect(() => ProtoSchema.ofCompiled(bytes, rootMessage)).toThrow(SchemaError);
    expect(() => ProtoSchema.ofCompiled(bytes, rootMessage)).toThrow(reason);
  });

  test('types of google.protobuf are ours, whatever the set says of them', () => {
    const false_ = {
      name: 'google/protobuf/timestamp.proto',
      package: 'google.protobuf',
      syntax: 'proto3',
      messageType: [{ name: 'Timestamp', field: [{ ...field, name: 'seconds' }] }],
    };
    const schema = ProtoSchema.ofCompiled(set(false_, part, root), 'p.Root');
    expect(schema.violation(Buffer.from('{"at":"2020-01-01T00:00:00Z"}'), 'JSON')).toBeNull();
    expect(schema.violation(Buffer.from('{"at":{"seconds":"x"}}'), 'JSON')).not.toBeNull();
  });

  test('messages nested beyond measure are refused', () => {
    let nested: Buffer = hex('0a0141');
    for (let level = 0; level < 500; level++) {
      nested = Buffer.concat([hex('0a0141'), hex('1a'), lengthOf(nested), nested]);
    }
    const file = Buffer.concat([hex('22'), lengthOf(nested), nested]);
    const bytes = Buffer.concat([hex('0a'), lengthOf(file), file]);
    expect(() => ProtoSchema.ofCompiled(bytes, 'A')).toThrow(/recursion/);
  });
});

function lengthOf(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  let left = bytes.length;
  for (; left > 127; left >>>= 7) out.push((left & 127) | 128);
  return Buffer.from([...out, left]);
}
