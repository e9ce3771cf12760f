import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileSchema } from '../../src/schemas/index.ts';

/** A message of many kinds of fields, and a schema for it: the descriptors' own descriptor. */
const { file } = FileDescriptorProtoSchema;
const set = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, { file: [file.proto] }),
);
const schema = compileSchema({
  type: 'PROTOCOL_BUFFER',
  definition: '',
  compiled: { rootMessage: 'google.protobuf.FileDescriptorProto', bytes: set },
});

const word = fc.string({ unit: 'binary', maxLength: 8 });
const messages = fc
  .record({
    name: word,
    publicDependency: fc.array(fc.integer(), { maxLength: 5 }),
    names: fc.array(word, { maxLength: 4 }),
    numbers: fc.array(fc.integer(), { maxLength: 4 }),
    double: fc.double(),
    long: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    bytes: fc.uint8Array({ maxLength: 9 }),
  })
  .map(({ name, publicDependency, names, numbers, double, long, bytes }) =>
    create(FileDescriptorProtoSchema, {
      name,
      publicDependency,
      messageType: names.map((each) => ({
        name: each,
        field: numbers.map((number) => ({ name: each, number, proto3Optional: number > 0 })),
      })),
      options: {
        deprecated: true,
        uninterpretedOption: [
          {
            name: [{ namePart: name, isExtension: false }],
            doubleValue: double,
            positiveIntValue: long,
            stringValue: bytes,
          },
        ],
      },
    }),
  );

test('what another implementation writes has no violation, in both encodings', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const binary = toBinary(FileDescriptorProtoSchema, message);
      const json = Buffer.from(toJsonString(FileDescriptorProtoSchema, message));
      expect(schema.violation(binary, 'BINARY')).toBeNull();
      expect(schema.violation(json, 'JSON')).toBeNull();
    }),
    { numRuns: 300 },
  );
});

function isRead(data: Uint8Array): boolean {
  try {
    toBinary(FileDescriptorProtoSchema, fromBinary(FileDescriptorProtoSchema, data));
    return true;
  } catch {
    return false;
  }
}

test('a binary message with a byte changed passes only if it decodes', () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.nat(255), fc.nat(), (message, at, byte, end) => {
      const binary = toBinary(FileDescriptorProtoSchema, message);
      binary[at % binary.length] = byte;
      for (const data of [binary, binary.subarray(0, end % binary.length)]) {
        const verdict = schema.violation(data, 'BINARY');
        expect(verdict === null || verdict.length > 0).toBe(true);
        if (verdict === null) expect(isRead(data)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test('any text at all is judged, never thrown at its sender', () => {
  const json = fc.oneof(fc.json(), fc.string(), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(json, (text) => {
      const verdict = schema.violation(Buffer.from(text), 'JSON');
      expect(verdict === null || verdict.length > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});
