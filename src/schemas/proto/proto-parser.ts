import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import type { DraftEnum, DraftFile, DraftMessage } from './proto-draft.ts';
import { readEnum, readInteger, readRanges, readReserved } from './proto-enum-parser.ts';
import { readFieldOptions, readOption, strings } from './proto-options.ts';
import { ProtoTokens, unescaped } from './proto-tokens.ts';

/** As deep as protoc lets messages nest. */
const maxDepth = 32;

/**
 * Reads a .proto file of syntax proto2 or proto3. Services and extensions are refused, as a schema
 * describes one message.
 *
 * @throws SchemaError naming the line.
 */
export function parseProto(text: string): DraftFile {
  return new ProtoParser(new ProtoTokens(text)).file();
}

class ProtoParser {
  readonly #tokens: ProtoTokens;
  #isProto3 = false;

  constructor(tokens: ProtoTokens) {
    this.#tokens = tokens;
  }

  file(): DraftFile {
    this.#syntax();
    const imports: string[] = [];
    const messages: DraftMessage[] = [];
    const enums: DraftEnum[] = [];
    let packageName: string | undefined;
    while (this.#tokens.peek().kind !== 'end') {
      if (this.#tokens.take(';')) continue;
      const keyword = this.#tokens.of('word', 'a definition');
      if (keyword === 'import') imports.push(this.#import());
      else if (keyword === 'message') messages.push(this.#message(0));
      else if (keyword === 'enum') enums.push(readEnum(this.#tokens));
      else if (keyword === 'option') readOption(this.#tokens, 'file');
      else if (keyword === 'package' && packageName === undefined) packageName = this.#package();
      else throw this.#tokens.failure(`${quoted(keyword)} has no place in a schema.`);
    }
    return { isProto3: this.#isProto3, package: packageName ?? '', imports, messages, enums };
  }

  #syntax(): void {
    if (!this.#tokens.take('syntax')) return;
    this.#tokens.expect('=');
    const syntax = strings(this.#tokens);
    if (syntax !== 'proto2' && syntax !== 'proto3') {
      throw new SchemaError(`The syntax is "proto2" or "proto3", not ${quoted(syntax)}.`);
    }
    this.#tokens.expect(';');
    this.#isProto3 = syntax === 'proto3';
  }

  #import(): string {
    if (!this.#tokens.take('public')) this.#tokens.take('weak');
    const path = Buffer.from(unescaped(strings(this.#tokens))).toString('utf8');
    this.#tokens.expect(';');
    return path;
  }

  #package(): string {
    const name = this.#dotted();
    this.#tokens.expect(';');
    return name;
  }

  /** `a.b.C`, with a dot first where that is written. */
  #dotted(): string {
    const parts = [this.#tokens.take('.') ? '.' : ''];
    parts.push(this.#tokens.of('word', 'a name'));
    while (this.#tokens.take('.')) parts.push('.', this.#tokens.of('word', 'a name'));
    return parts.join('');
  }

  #message(depth: number): DraftMessage {
    return this.#body(this.#tokens.of('word', 'the name of a message'), depth);
  }

  #body(name: string, depth: number): DraftMessage {
    if (depth >= maxDepth) throw this.#tokens.failure(`Messages are nested over ${maxDepth} deep.`);
    const message: DraftMessage = {
      name,
      fields: [],
      oneofs: [],
      messages: [],
      enums: [],
      reserved: { names: [], ranges: [] },
      extensionRanges: [],
    };
    this.#tokens.expect('{');
    while (!this.#tokens.take('}')) {
      if (this.#tokens.peek().kind === 'end') throw this.#tokens.unexpected('"}"');
      if (!this.#tokens.take(';')) this.#member(message, depth);
    }
    return message;
  }

  /** These words begin no field without a label, whatever types are called. */
  #member(message: DraftMessage, depth: number): void {
    const tokens = this.#tokens;
    const first = this.#dotted();
    switch (first) {
      case 'message':
        message.messages.push(this.#message(depth + 1));
        return;
      case 'enum':
        message.enums.push(readEnum(tokens));
        return;
      case 'option':
        readOption(tokens, 'message');
        return;
      case 'oneof':
        return this.#oneof(message, depth);
      case 'reserved':
        return readReserved(tokens, message.reserved);
      case 'extensions':
        return this.#extensions(message);
      case 'extend':
        throw tokens.failure('Extensions have no place in a schema.');
      default:
        if (first === 'map' && tokens.take('<')) this.#map(message);
        else this.#field(message, first, depth);
    }
  }

  #field(message: DraftMessage, first: string, depth: number): void {
    const label = first === 'optional' || first === 'required' || first === 'repeated' ? first : '';
    this.#fieldOf(message, label, label === '' ? first : this.#dotted(), undefined, depth);
  }

  #fieldOf(
    message: DraftMessage,
    label: 'optional' | 'required' | 'repeated' | '',
    type: string,
    oneof: number | undefined,
    depth: number,
  ): void {
    const tokens = this.#tokens;
    const isGroup = type === 'group';
    const name = tokens.of('word', 'the name of a field');
    tokens.expect('=');
    const number = readInteger(tokens);
    const options = readFieldOptions(tokens, 'field');
    if (isGroup) {
      if (!/^[A-Z]/.test(name)) throw tokens.failure('The name of a group begins with a capital.');
      message.messages.push(this.#body(name, depth + 1));
    } else tokens.expect(';');
    message.fields.push({
      label,
      type: isGroup ? name : type,
      name: isGroup ? name.toLowerCase() : name,
      number,
      isGroup,
      oneof,
      options,
    });
  }

  #oneof(message: DraftMessage, depth: number): void {
    const tokens = this.#tokens;
    const index = message.oneofs.push(tokens.of('word', 'the name of a oneof')) - 1;
    const before = message.fields.length;
    tokens.expect('{');
    while (!tokens.take('}')) {
      if (tokens.take(';')) continue;
      if (tokens.take('option')) readOption(tokens, 'oneof');
      else this.#fieldOf(message, '', this.#dotted(), index, depth);
    }
    if (message.fields.length === before) throw tokens.failure('A oneof has at least one field.');
  }

  /** A map is a list of entries, each a message of key and value. */
  #map(message: DraftMessage): void {
    const tokens = this.#tokens;
    const key = tokens.of('word', 'the type of a key');
    tokens.expect(',');
    const value = this.#dotted();
    tokens.expect('>');
    const name = tokens.of('word', 'the name of a field');
    tokens.expect('=');
    const number = readInteger(tokens);
    const options = readFieldOptions(tokens, 'field');
    tokens.expect(';');
    const entry = mapEntry(name, key, value);
    message.messages.push(entry);
    const isGroup = false;
    const oneof = undefined;
    message.fields.push({
      label: 'repeated',
      type: entry.name,
      name,
      number,
      isGroup,
      oneof,
      options,
    });
  }

  #extensions(message: DraftMessage): void {
    if (this.#isProto3) throw this.#tokens.failure('Extensions have no place in proto3.');
    message.extensionRanges.push(...readRanges(this.#tokens));
    readFieldOptions(this.#tokens, 'value');
    this.#tokens.expect(';');
  }
}

const plain = { isGroup: false, oneof: undefined, options: {} } as const;

function mapEntry(field: string, key: string, value: string): DraftMessage {
  const camel = field.replace(/_+([^_])/g, (_, letter: string) => letter.toUpperCase());
  return {
    name: `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`,
    fields: [
      { ...plain, label: 'optional', type: key, name: 'key', number: 1 },
      { ...plain, label: 'optional', type: value, name: 'value', number: 2 },
    ],
    oneofs: [],
    messages: [],
    enums: [],
    reserved: { names: [], ranges: [] },
    extensionRanges: [],
    isMapEntry: true,
  };
}
