import { quoted } from '../violation.ts';
import type { DraftConstant, DraftOptions } from './proto-draft.ts';
import { unescaped, type ProtoTokens } from './proto-tokens.ts';

const maxDepth = 32;

/** The options of descriptor.proto; any other name is unknown to a file without such imports. */
const known: Readonly<Record<'file' | 'message' | 'field' | 'enum' | 'value' | 'oneof', string>> = {
  file:
    'java_package java_outer_classname java_multiple_files java_generate_equals_and_hash ' +
    'java_string_check_utf8 optimize_for go_package cc_generic_services java_generic_services ' +
    'py_generic_services deprecated cc_enable_arenas objc_class_prefix csharp_namespace ' +
    'swift_prefix php_class_prefix php_namespace php_metadata_namespace ruby_package ' +
    'php_generic_services',
  message: 'no_standard_descriptor_accessor deprecated deprecated_legacy_json_field_conflicts',
  field:
    'ctype packed jstype lazy unverified_lazy deprecated weak debug_redact retention targets ' +
    'default json_name',
  enum: 'allow_alias deprecated deprecated_legacy_json_field_conflicts',
  value: 'deprecated debug_redact',
  oneof: '',
};

export type OptionScope = keyof typeof known;

/** `option NAME = CONSTANT ;`, with `option` taken; gives what was set. */
export function readOption(
  tokens: ProtoTokens,
  scope: OptionScope,
): { readonly name: string; readonly value: DraftConstant | undefined } {
  const name = optionName(tokens, scope);
  tokens.expect('=');
  const value = constant(tokens, 0);
  tokens.expect(';');
  return { name, value };
}

/** `[NAME = CONSTANT, …]` after a field or a value, if it is there. */
export function readFieldOptions(tokens: ProtoTokens, scope: 'field' | 'value'): DraftOptions {
  const set = new Map<string, DraftConstant | undefined>();
  if (!tokens.take('[')) return {};
  do {
    const name = optionName(tokens, scope);
    tokens.expect('=');
    if (set.has(name)) throw tokens.failure(`The option ${quoted(name)} is set twice.`);
    set.set(name, constant(tokens, 0));
  } while (tokens.take(','));
  tokens.expect(']');
  return meaning(tokens, set);
}

function meaning(
  tokens: ProtoTokens,
  set: ReadonlyMap<string, DraftConstant | undefined>,
): DraftOptions {
  const fallback = set.get('default');
  const jsonName = set.get('json_name');
  if (set.has('json_name') && jsonName?.kind !== 'string') {
    throw tokens.failure('A json_name is a string.');
  }
  const packed = set.get('packed')?.text;
  if (set.has('packed') && packed !== 'true' && packed !== 'false') {
    throw tokens.failure('The option "packed" is true or false.');
  }
  return {
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(jsonName === undefined
      ? {}
      : { jsonName: Buffer.from(unescaped(jsonName.text)).toString('utf8') }),
    ...(packed === undefined ? {} : { packed: packed === 'true' }),
  };
}

function optionName(tokens: ProtoTokens, scope: OptionScope): string {
  const name = tokens.take('(') ? '(' : tokens.of('word', 'the name of an option');
  if (!known[scope].split(' ').includes(name)) {
    const shown = name === '(' ? 'Custom options are' : `The option ${quoted(name)} is`;
    throw tokens.failure(`${shown} not known here.`);
  }
  return name;
}

/** A word, a number with its sign, a string of adjacent strings; undefined for an aggregate. */
function constant(tokens: ProtoTokens, depth: number): DraftConstant | undefined {
  if (tokens.peek().text === '{' && tokens.peek().kind === 'symbol') {
    skipAggregate(tokens, depth);
    return undefined;
  }
  if (tokens.peek().kind === 'string') return { kind: 'string', text: strings(tokens) };
  const sign = tokens.take('-') ? '-' : '';
  if (sign === '') tokens.take('+');
  const { kind, text } = tokens.peek();
  if (kind !== 'word' && kind !== 'number') throw tokens.unexpected('a constant');
  tokens.next();
  return { kind: sign === '' ? kind : 'number', text: `${sign}${text}` };
}

/** Adjacent strings are one, as in C. */
export function strings(tokens: ProtoTokens): string {
  const parts = [tokens.of('string', 'a string')];
  while (tokens.peek().kind === 'string') parts.push(tokens.next().text);
  return parts.join('');
}

function skipAggregate(tokens: ProtoTokens, depth: number): void {
  if (depth > maxDepth) throw tokens.failure(`An option is nested more than ${maxDepth} deep.`);
  tokens.expect('{');
  while (!tokens.take('}')) {
    const { kind, text } = tokens.peek();
    if (kind === 'end') throw tokens.unexpected('"}"');
    if (kind === 'symbol' && text === '{') skipAggregate(tokens, depth + 1);
    else tokens.next();
  }
}
