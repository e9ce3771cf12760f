import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import { primitiveKinds, type AvroNamed, type AvroType, type PrimitiveKind } from './avro-type.ts';

const simpleName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const maxNameLength = 1024;

/** Whether this is a name of the specification: letters, digits and `_`, no digit first. */
export function isSimpleName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= maxNameLength && simpleName.test(name);
}

function isDottedName(name: string): boolean {
  return name.length <= maxNameLength && name.split('.').every((part) => simpleName.test(part));
}

export function isPrimitive(name: string): name is PrimitiveKind {
  return (primitiveKinds as readonly string[]).includes(name);
}

/** `a.b` of `a.b.C`; empty for a name in no namespace. */
export function namespaceOf(fullName: string): string {
  const dot = fullName.lastIndexOf('.');
  return dot < 0 ? '' : fullName.slice(0, dot);
}

/** `C` of `a.b.C`. */
export function unqualified(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}

/** A name as seen from a namespace: dotted names are full already. */
export function qualified(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

/** The names of one definition: each is given once, and before it is used. */
export class AvroNames {
  readonly #types = new Map<string, AvroNamed>();

  /** The full name that a definition gives itself. */
  static fullNameIn(definition: Record<string, unknown>, enclosing: string): string {
    const { name, namespace } = definition;
    if (typeof name !== 'string' || !isDottedName(name)) {
      const shown = typeof name === 'string' ? quoted(name) : `A value of type ${typeof name}`;
      throw new SchemaError(`${shown} is no name of an Avro type.`);
    }
    if (namespace !== undefined && !isNamespace(namespace)) {
      throw new SchemaError(`The namespace of ${quoted(name)} is not a name.`);
    }
    const full = qualified(name, typeof namespace === 'string' ? namespace : enclosing);
    if (isPrimitive(unqualified(full))) {
      throw new SchemaError(`${quoted(full)} is the name of a primitive type.`);
    }
    return full;
  }

  static aliasesOf(definition: Record<string, unknown>, fullName: string): readonly string[] {
    const aliases = definition['aliases'] ?? [];
    if (!Array.isArray(aliases))
      throw new SchemaError(`The aliases of ${quoted(fullName)} are no array.`);
    return aliases.map((alias: unknown) => {
      if (typeof alias === 'string' && isDottedName(alias)) {
        return qualified(alias, namespaceOf(fullName));
      }
      throw new SchemaError(`An alias of ${quoted(fullName)} is not a name.`);
    });
  }

  define(type: AvroNamed): void {
    if (this.#types.has(type.name)) throw new SchemaError(`${quoted(type.name)} is defined twice.`);
    this.#types.set(type.name, type);
  }

  /** The type that a reference means. */
  named(reference: string, namespace: string): AvroType {
    if (isPrimitive(reference)) return { kind: reference };
    const type = this.#types.get(qualified(reference, namespace));
    if (type === undefined) throw new SchemaError(`${quoted(reference)} is no known type.`);
    return type;
  }
}

function isNamespace(namespace: unknown): boolean {
  return typeof namespace === 'string' && (namespace === '' || isDottedName(namespace));
}
