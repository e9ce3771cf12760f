import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { protoCamelCase } from '@bufbuild/protobuf/reflect';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  type DescriptorProtoSchema,
  type EnumDescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import type { DraftEnum, DraftField, DraftFile, DraftMessage } from './proto-draft.ts';
import { joined, ProtoScope } from './proto-scope.ts';
import { unescaped } from './proto-tokens.ts';
import { wellKnownFile } from './well-known-files.ts';

const scalars: ReadonlyMap<string, FieldDescriptorProto_Type> = new Map([
  ['double', FieldDescriptorProto_Type.DOUBLE],
  ['float', FieldDescriptorProto_Type.FLOAT],
  ['int64', FieldDescriptorProto_Type.INT64],
  ['uint64', FieldDescriptorProto_Type.UINT64],
  ['int32', FieldDescriptorProto_Type.INT32],
  ['fixed64', FieldDescriptorProto_Type.FIXED64],
  ['fixed32', FieldDescriptorProto_Type.FIXED32],
  ['bool', FieldDescriptorProto_Type.BOOL],
  ['string', FieldDescriptorProto_Type.STRING],
  ['bytes', FieldDescriptorProto_Type.BYTES],
  ['uint32', FieldDescriptorProto_Type.UINT32],
  ['sfixed32', FieldDescriptorProto_Type.SFIXED32],
  ['sfixed64', FieldDescriptorProto_Type.SFIXED64],
  ['sint32', FieldDescriptorProto_Type.SINT32],
  ['sint64', FieldDescriptorProto_Type.SINT64],
]);

const labels = {
  '': FieldDescriptorProto_Label.OPTIONAL,
  optional: FieldDescriptorProto_Label.OPTIONAL,
  required: FieldDescriptorProto_Label.REQUIRED,
  repeated: FieldDescriptorProto_Label.REPEATED,
};

const maxPackage = 512;

/** What a schema's own text is called among the files. */
export const textFileName = 'schema.proto';

/**
 * The descriptor of a .proto file, its references resolved to full names.
 *
 * @throws SchemaError
 */
export function linkProto(file: DraftFile): FileDescriptorProto {
  if (file.package.length > maxPackage)
    throw new SchemaError('The name of the package is too long.');
  const imported = file.imports.map((path) => {
    const known = wellKnownFile(path);
    if (known !== undefined) return known;
    throw new SchemaError(`Only google/protobuf/*.proto can be imported, not ${quoted(path)}.`);
  });
  return new ProtoLinker(file, new ProtoScope(file, imported)).file();
}

class ProtoLinker {
  readonly #draft: DraftFile;
  readonly #scope: ProtoScope;

  constructor(draft: DraftFile, scope: ProtoScope) {
    this.#draft = draft;
    this.#scope = scope;
  }

  file(): FileDescriptorProto {
    const { isProto3, imports, messages, enums } = this.#draft;
    return create(FileDescriptorProtoSchema, {
      name: textFileName,
      package: this.#draft.package,
      dependency: [...new Set(imports)],
      messageType: messages.map((each) => this.#message(each, this.#draft.package)),
      enumType: enums.map((each) => enumOf(each)),
      syntax: isProto3 ? 'proto3' : 'proto2',
    });
  }

  #message(draft: DraftMessage, scope: string): MessageInitShape<typeof DescriptorProtoSchema> {
    const fullName = joined(scope, draft.name);
    const oneofs = [...draft.oneofs];
    const isMapEntry = draft.isMapEntry === true;
    const field = draft.fields.map((each) => this.#field(each, fullName, oneofs, isMapEntry));
    return {
      name: draft.name,
      field,
      nestedType: draft.messages.map((each) => this.#message(each, fullName)),
      enumType: draft.enums.map((each) => enumOf(each)),
      oneofDecl: oneofs.map((name) => ({ name })),
      // The ends of messages' ranges are exclusive.
      extensionRange: draft.extensionRanges.map((each) => ({
        start: each.first,
        end: each.last + 1,
      })),
      reservedRange: draft.reserved.ranges.map((each) => ({
        start: each.first,
        end: each.last + 1,
      })),
      reservedName: draft.reserved.names,
      ...(isMapEntry ? { options: { mapEntry: true } } : {}),
    };
  }

  #field(
    draft: DraftField,
    message: string,
    oneofs: string[],
    isMapEntry: boolean,
  ): MessageInitShape<typeof FieldDescriptorProtoSchema> {
    this.#checkLabel(draft, message);
    const isOptional = this.#draft.isProto3 && draft.label === 'optional';
    const proto3Optional = isOptional && !isMapEntry;
    const oneofIndex = proto3Optional ? oneofs.push(`_${draft.name}`) - 1 : draft.oneof;
    return {
      name: draft.name,
      number: draft.number,
      label: labels[draft.label],
      ...this.#type(draft, message),
      jsonName: draft.options.jsonName ?? protoCamelCase(draft.name),
      ...(oneofIndex === undefined ? {} : { oneofIndex }),
      ...(proto3Optional ? { proto3Optional } : {}),
      ...this.#default(draft),
      ...(draft.options.packed === undefined ? {} : { options: { packed: draft.options.packed } }),
    };
  }

  #checkLabel(draft: DraftField, message: string): void {
    const { isProto3 } = this.#draft;
    const where = `Field ${quoted(draft.name)} of ${quoted(message)}`;
    if (isProto3 && (draft.label === 'required' || draft.isGroup)) {
      throw new SchemaError(`${where}: proto3 has no required fields and no groups.`);
    }
    if (!isProto3 && draft.label === '' && draft.oneof === undefined) {
      throw new SchemaError(`${where} needs a label: optional, required or repeated.`);
    }
  }

  #type(
    draft: DraftField,
    scope: string,
  ): { readonly type: FieldDescriptorProto_Type; readonly typeName?: string } {
    const scalar = scalars.get(draft.type);
    if (scalar !== undefined && !draft.isGroup) return { type: scalar };
    const { fullName, kind } = this.#scope.resolve(draft.type, scope);
    const type =
      kind === 'enum' ? FieldDescriptorProto_Type.ENUM : FieldDescriptorProto_Type.MESSAGE;
    return {
      type: draft.isGroup ? FieldDescriptorProto_Type.GROUP : type,
      typeName: `.${fullName}`,
    };
  }

  #default(draft: DraftField): { readonly defaultValue?: string } {
    const value = draft.options.default;
    if (value === undefined) return {};
    if (this.#draft.isProto3) throw new SchemaError('Fields of proto3 have no defaults.');
    const isText = draft.type === 'string' || draft.type === 'bytes';
    if (isText !== (value.kind === 'string')) {
      throw new SchemaError(`The default of ${quoted(draft.name)} is no ${quoted(draft.type)}.`);
    }
    // Those of bytes stay escaped in descriptors.
    if (draft.type === 'string') {
      return { defaultValue: Buffer.from(unescaped(value.text)).toString('utf8') };
    }
    if (value.kind !== 'number') return { defaultValue: value.text };
    return { defaultValue: decimalOf(value.text) };
  }
}

/** Descriptors write integers in decimal, whatever the text has. */
function decimalOf(text: string): string {
  const [, sign = '', digits = ''] = /^(-?)(0[xX][0-9a-fA-F]+|0[0-7]+)$/.exec(text) ?? [];
  if (digits === '' || text.length > 40) return text;
  return `${sign}${BigInt(/^0[xX]/.test(digits) ? digits : `0o${digits}`)}`;
}

function enumOf(draft: DraftEnum): MessageInitShape<typeof EnumDescriptorProtoSchema> {
  return {
    name: draft.name,
    value: draft.values.map(({ name, number }) => ({ name, number })),
    reservedRange: draft.reserved.ranges.map((each) => ({ start: each.first, end: each.last })),
    reservedName: draft.reserved.names,
    ...(draft.allowAlias ? { options: { allowAlias: true } } : {}),
  };
}
