import type { DescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import type { DraftEnum, DraftFile, DraftMessage } from './proto-draft.ts';

type Kind = 'message' | 'enum' | 'package';

/** The full names that the references of one file can mean. */
export class ProtoScope {
  readonly #kinds = new Map<string, Kind>();

  constructor(file: DraftFile, imported: readonly FileDescriptorProto[]) {
    this.#package(file.package);
    this.#drafts(file.package, file.messages, file.enums);
    for (const each of imported) {
      this.#package(each.package);
      this.#descriptors(each.package, each);
    }
  }

  /** What a name used within `scope` means: the innermost scope that knows its first part wins. */
  resolve(
    name: string,
    scope: string,
  ): { readonly fullName: string; readonly kind: 'message' | 'enum' } {
    if (name.startsWith('.')) return this.#type(name.slice(1), name);
    const first = name.split('.', 1)[0]!;
    for (let around = scope; ; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
      if (this.#kinds.has(joined(around, first))) return this.#type(joined(around, name), name);
      if (around === '') throw new SchemaError(`${quoted(name)} is no known type.`);
    }
  }

  #type(fullName: string, written: string): { fullName: string; kind: 'message' | 'enum' } {
    const kind = this.#kinds.get(fullName);
    if (kind === 'message' || kind === 'enum') return { fullName, kind };
    throw new SchemaError(`${quoted(written)} is no known type.`);
  }

  #package(name: string): void {
    for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) {
      this.#kinds.set(name.slice(0, end), 'package');
    }
  }

  #drafts(scope: string, messages: readonly DraftMessage[], enums: readonly DraftEnum[]): void {
    for (const each of enums) this.#kinds.set(joined(scope, each.name), 'enum');
    for (const each of messages) {
      this.#kinds.set(joined(scope, each.name), 'message');
      this.#drafts(joined(scope, each.name), each.messages, each.enums);
    }
  }

  #descriptors(scope: string, of: FileDescriptorProto | DescriptorProto): void {
    for (const each of of.enumType) this.#kinds.set(joined(scope, each.name), 'enum');
    for (const each of 'messageType' in of ? of.messageType : of.nestedType) {
      this.#kinds.set(joined(scope, each.name), 'message');
      this.#descriptors(joined(scope, each.name), each);
    }
  }
}

/** `scope.name`; the name alone at the top of a file without a package. */
export function joined(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}
