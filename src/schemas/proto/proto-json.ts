import { isUtf8 } from 'node:buffer';
import { fromJsonString, toBinary, type DescMessage, type Registry } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label } from '@bufbuild/protobuf/wkt';
import { Violation } from '../violation.ts';

/** Reads messages in the canonical JSON of Protocol Buffers; a field it does not know is refused. */
export class ProtoJson {
  readonly #root: DescMessage;
  readonly #registry: Registry;
  readonly #hasRequired: boolean;

  constructor(root: DescMessage, registry: Registry) {
    this.#root = root;
    this.#registry = registry;
    this.#hasRequired = hasRequired(root);
  }

  /** @throws Violation, or what the reader of JSON throws. */
  check(data: Uint8Array): void {
    if (!isUtf8(data)) throw new Violation('The message is not JSON: it is not UTF-8.');
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8');
    const message = fromJsonString(this.#root, exact(text), { registry: this.#registry });
    // Only who writes a message asks for its required fields.
    if (this.#hasRequired) toBinary(this.#root, message);
  }
}

/** Integers that 64 bits hold, and that JavaScript rounds to what they do not. */
const nearLargest =
  /(?<=[:,[\s])(?:9223372036854775(?:29[6-9]|[3-7]\d\d|80[0-7])|18446744073709(?:550(?:59[2-9]|[6-9]\d\d)|551(?:[0-5]\d\d|60\d|61[0-5])))(?=[,\]}\s])/g;

/**
 * The text with other integers in place of such, that the same types hold and no others: 2^62, and
 * 2^63 where it is more than what is signed. Who is asked only whether it conforms sees no other
 * difference, nor where a string looks like one.
 */
function exact(text: string): string {
  return text.replace(nearLargest, ({ length }) =>
    length === 19 ? '4611686018427387904' : '9223372036854775808',
  );
}

function hasRequired(root: DescMessage): boolean {
  const seen = new Set([root]);
  for (const message of seen) {
    for (const field of message.fields) {
      if (field.proto.label === FieldDescriptorProto_Label.REQUIRED) return true;
      if (field.message !== undefined) seen.add(field.message);
    }
  }
  return false;
}
