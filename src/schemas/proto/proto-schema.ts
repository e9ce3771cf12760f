import type { DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { SchemaError, type CompiledSchema, type SchemaEncoding } from '../schema.ts';
import { quoted, verdictOf } from '../violation.ts';
import { ProtoBinary } from './proto-binary.ts';
import { protoIncompatibility } from './proto-evolution.ts';
import { linkedFiles, readFileSet } from './proto-files.ts';
import { ProtoJson } from './proto-json.ts';
import { linkProto, textFileName } from './proto-linker.ts';
import { parseProto } from './proto-parser.ts';

/** A Protocol Buffer definition understood. */
export class ProtoSchema implements CompiledSchema {
  readonly #root: DescMessage;
  readonly #json: ProtoJson;
  readonly #binary: ProtoBinary;

  private constructor(root: DescMessage, registry: FileRegistry) {
    this.#root = root;
    this.#binary = new ProtoBinary(root);
    this.#json = new ProtoJson(root, registry);
  }

  /** Of a .proto file with one message at its top. @throws SchemaError */
  static ofText(definition: string): ProtoSchema {
    const registry = linkedFiles([linkProto(parseProto(definition))]);
    const messages = registry.getFile(textFileName)?.messages ?? [];
    const [root] = messages;
    if (root === undefined || messages.length > 1) {
      const count = messages.length;
      throw new SchemaError(`A schema defines exactly one message at the top; this has ${count}.`);
    }
    return new ProtoSchema(root, registry);
  }

  /** Of a serialized FileDescriptorSet with all that it imports. @throws SchemaError */
  static ofCompiled(bytes: Uint8Array, rootMessage: string): ProtoSchema {
    const registry = linkedFiles(readFileSet(bytes));
    const root = registry.getMessage(rootMessage.replace(/^\./, ''));
    if (root === undefined) {
      throw new SchemaError(`The descriptor set has no message ${quoted(rootMessage)}.`);
    }
    return new ProtoSchema(root, registry);
  }

  violation(data: Uint8Array, encoding: SchemaEncoding): string | null {
    const form = encoding === 'JSON' ? this.#json : this.#binary;
    return verdictOf(() => form.check(data));
  }

  incompatibilityWith(previous: ProtoSchema): string | null {
    return protoIncompatibility(this.#root, previous.#root);
  }
}
