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
    const message = fromJsonString(this.#root, text, { registry: this.#registry });
    // Only who writes a message asks for its required fields.
    if (this.#hasRequired) toBinary(this.#root, message);
  }
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
