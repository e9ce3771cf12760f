import { toBinary, type DescEnum, type DescFile, type DescMessage } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** The proto files of some services and all that they import, by what is in them. */
export class DescriptorIndex {
  readonly #files: Map<string, DescFile> = new Map();
  readonly #bySymbol: Map<string, DescFile> = new Map();
  /** Files by the number of an extension in them, by the extended message's full name. */
  readonly #extensions: Map<string, Map<number, DescFile>> = new Map();
  readonly #serialised: Map<DescFile, Uint8Array> = new Map();

  constructor(files: readonly DescFile[]) {
    for (const file of files) this.#add(file);
  }

  fileByName(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** `symbol`: a full name, of anything but a package. */
  fileOfSymbol(symbol: string): DescFile | undefined {
    return this.#bySymbol.get(symbol);
  }

  fileOfExtension(message: string, number: number): DescFile | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** Of a message that is known; undefined for another. */
  extensionNumbers(message: string): number[] | undefined {
    const numbers = this.#extensions.get(message)?.keys();
    if (numbers !== undefined) return [...numbers].toSorted((a, b) => a - b);
    return this.#bySymbol.has(message) ? [] : undefined;
  }

  /** Serialised FileDescriptorProtos: the file, and what it imports. */
  withImports(file: DescFile): Uint8Array[] {
    const seen = new Set<DescFile>();
    const visit = (each: DescFile): void => {
      if (seen.has(each)) return;
      seen.add(each);
      each.dependencies.forEach(visit);
    };
    visit(file);
    return [...seen].map((each) => this.#bytesOf(each));
  }

  #bytesOf(file: DescFile): Uint8Array {
    const known = this.#serialised.get(file);
    if (known !== undefined) return known;
    const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
    this.#serialised.set(file, bytes);
    return bytes;
  }

  #add(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const each of file.dependencies) this.#add(each);
    for (const message of file.messages) this.#addMessage(message);
    for (const each of file.enums) this.#addEnum(each);
    for (const service of file.services) {
      this.#bySymbol.set(service.typeName, file);
      for (const { name } of service.methods) {
        this.#bySymbol.set(`${service.typeName}.${name}`, file);
      }
    }
    this.#addExtensions(file.extensions);
  }

  #addMessage(message: DescMessage): void {
    const { file, typeName } = message;
    this.#bySymbol.set(typeName, file);
    for (const { name } of [...message.fields, ...message.oneofs]) {
      this.#bySymbol.set(`${typeName}.${name}`, file);
    }
    for (const each of message.nestedMessages) this.#addMessage(each);
    for (const each of message.nestedEnums) this.#addEnum(each);
    this.#addExtensions(message.nestedExtensions);
  }

  /** An enum's values are named beside it, not in it. */
  #addEnum({ file, typeName, values }: DescEnum): void {
    this.#bySymbol.set(typeName, file);
    const scope = typeName.slice(0, typeName.lastIndexOf('.') + 1);
    for (const { name } of values) this.#bySymbol.set(`${scope}${name}`, file);
  }

  #addExtensions(extensions: DescFile['extensions']): void {
    for (const { extendee, number, file, typeName } of extensions) {
      this.#bySymbol.set(typeName, file);
      const files = this.#extensions.get(extendee.typeName) ?? new Map<number, DescFile>();
      files.set(number, file);
      this.#extensions.set(extendee.typeName, files);
    }
  }
}
