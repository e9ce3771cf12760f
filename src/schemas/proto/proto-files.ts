import { create, createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf';
import { protoCamelCase } from '@bufbuild/protobuf/reflect';
import {
  FileDescriptorSetSchema,
  type DescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import { checkFile } from './proto-rules.ts';
import { wellKnownFile } from './well-known-files.ts';

/** @throws SchemaError if the bytes are no FileDescriptorSet. */
export function readFileSet(bytes: Uint8Array): readonly FileDescriptorProto[] {
  try {
    const { file } = fromBinary(FileDescriptorSetSchema, bytes);
    for (const each of file) each.messageType.forEach(fillJsonNames);
    return file;
  } catch (error) {
    throw new SchemaError(`The bytes are no FileDescriptorSet: ${(error as Error).message}`);
  }
}

/**
 * Checks files and resolves them among themselves. Files of google/protobuf are taken from our own
 * copy, imported or given, so that nobody redefines what JSON makes of a Timestamp.
 *
 * @throws SchemaError
 */
export function linkedFiles(given: readonly FileDescriptorProto[]): FileRegistry {
  const file = inOrder(given);
  const names = new Set<string>();
  for (const each of file) {
    if (wellKnownFile(each.name) === undefined) checkOwn(each);
    checkFile(each, names);
  }
  try {
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
    checkDefaults(registry);
    return registry;
  } catch (error) {
    throw new SchemaError(`The definition cannot be resolved: ${(error as Error).message}`);
  }
}

function checkOwn(file: FileDescriptorProto): void {
  if (!['', 'proto2', 'proto3'].includes(file.syntax)) {
    throw new SchemaError(`${quoted(file.name)} is of neither proto2 nor proto3.`);
  }
  if (`${file.package}.`.startsWith('google.protobuf.')) {
    throw new SchemaError('The package google.protobuf belongs to Protocol Buffers.');
  }
}

/** Every file after those that it imports. @throws SchemaError on cycles and what is missing. */
function inOrder(given: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const files = new Map<string, FileDescriptorProto>();
  for (const file of given) {
    if (files.has(file.name))
      throw new SchemaError(`The file ${quoted(file.name)} is given twice.`);
    files.set(file.name, wellKnownFile(file.name) ?? file);
  }
  const done = new Set<FileDescriptorProto>();
  const open: { readonly file: FileDescriptorProto; next: number }[] = [];
  const isOpen = new Set<FileDescriptorProto>();
  for (const start of files.values()) {
    enter(start);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const path = top.file.dependency[top.next++];
      if (path === undefined) done.add(open.pop()!.file);
      else enter(imported(path, top.file));
    }
  }
  return [...done];

  function enter(file: FileDescriptorProto): void {
    if (done.has(file)) return;
    if (isOpen.has(file)) throw new SchemaError(`The file ${quoted(file.name)} imports itself.`);
    isOpen.add(file);
    open.push({ file, next: 0 });
  }

  function imported(path: string, by: FileDescriptorProto): FileDescriptorProto {
    const file = files.get(path) ?? wellKnownFile(path);
    if (file !== undefined) return file;
    throw new SchemaError(`${quoted(by.name)} imports ${quoted(path)}, which is missing.`);
  }
}

/** protoc writes them all; other compilers leave those out that follow from the names. */
function fillJsonNames(message: DescriptorProto): void {
  for (const field of message.field) {
    if (field.jsonName === '') field.jsonName = protoCamelCase(field.name);
  }
  message.nestedType.forEach(fillJsonNames);
}

/** Defaults are parsed when they are asked for; one that does not parse throws. */
function checkDefaults(registry: FileRegistry): void {
  for (const type of registry) {
    if (type.kind !== 'message') continue;
    for (const field of type.fields) if ('getDefaultValue' in field) field.getDefaultValue?.();
  }
}
