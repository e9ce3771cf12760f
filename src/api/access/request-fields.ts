import type { Message } from '@bufbuild/protobuf';

import type { FieldOf } from '../../iam/index.ts';
import { camelCase } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall } from '../route.ts';

/** Fields of a request message by their paths in snake_case. */
export function messageFields(message: Message): FieldOf {
  return (path) => textsAt(message, path.split('.').map(camelCase));
}

/** Fields of a REST request that has no message: variables of its path, then of its JSON body. */
export function restFields(call: RestCall): FieldOf {
  return (path) => {
    const param = call.params[path];
    if (param !== undefined) return param;
    if (call.body.length === 0) return '';
    const json = call.json();
    const camel = path.split('.').map(camelCase);
    const found = textsAt(json, camel);
    const inSnake = camel.join('.') === path ? '' : textsAt(json, path.split('.'));
    if (inSnake.length === 0) return found;
    // A field may have either name; which of two a handler believes is not for us to guess.
    return found.length === 0 ? inSnake : '';
  };
}

/** One field, such as of the hot methods, whose messages are never made. */
export function oneField(name: string, value: string): FieldOf {
  return (path) => (path === name ? value : '');
}

/** The text of a field, or the texts of a repeated one; none where it holds anything else. */
function textsAt(value: Message | JsonValue, names: readonly string[]): string | readonly string[] {
  let at: unknown = value;
  for (const name of names) at = memberOf(at, name);
  if (typeof at === 'string') return at;
  return Array.isArray(at) && at.every((each) => typeof each === 'string') ? at : '';
}

/** A member by its name; of a message, also the one that a oneof of it holds. */
function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, name)) return (value as Readonly<Record<string, unknown>>)[name];
  if (!Object.hasOwn(value, '$typeName')) return undefined;
  return Object.values(value).find(isChoiceOf(name))?.value;
}

const isChoiceOf =
  (name: string) =>
  (member: unknown): member is { readonly case: string; readonly value: unknown } =>
    typeof member === 'object' && member !== null && 'case' in member && member.case === name;
