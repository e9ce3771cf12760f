import { fieldNumbers } from './number-ranges.ts';
import type { DraftEnum, DraftRange, DraftReserved } from './proto-draft.ts';
import { readFieldOptions, readOption, strings } from './proto-options.ts';
import type { ProtoTokens } from './proto-tokens.ts';

/** An enum, with `enum` taken. */
export function readEnum(tokens: ProtoTokens): DraftEnum {
  const name = tokens.of('word', 'the name of an enum');
  const values: { name: string; number: number }[] = [];
  const reserved: DraftReserved = { names: [], ranges: [] };
  let allowAlias = false;
  tokens.expect('{');
  while (!tokens.take('}')) {
    if (tokens.take(';')) continue;
    const word = tokens.of('word', 'a value');
    if (word === 'reserved' && !isEquals(tokens)) readReserved(tokens, reserved, 2 ** 31 - 1);
    else if (word === 'option' && !isEquals(tokens)) {
      const option = readOption(tokens, 'enum');
      if (option.name === 'allow_alias') allowAlias = option.value?.text === 'true';
    } else values.push(enumValue(tokens, word));
  }
  return { name, values, allowAlias, reserved };
}

function isEquals(tokens: ProtoTokens): boolean {
  return tokens.peek().text === '=' && tokens.peek().kind === 'symbol';
}

function enumValue(tokens: ProtoTokens, name: string): { name: string; number: number } {
  tokens.expect('=');
  const number = readInteger(tokens);
  readFieldOptions(tokens, 'value');
  tokens.expect(';');
  return { name, number };
}

/** `reserved 1, 5 to 9, 20 to max;` or `reserved "a", "b";`, with `reserved` taken. */
export function readReserved(tokens: ProtoTokens, into: DraftReserved, max?: number): void {
  if (tokens.peek().kind === 'string') {
    do into.names.push(strings(tokens));
    while (tokens.take(','));
  } else into.ranges.push(...readRanges(tokens, max));
  tokens.expect(';');
}

export function readRanges(tokens: ProtoTokens, max: number = fieldNumbers.last): DraftRange[] {
  const ranges: DraftRange[] = [];
  do {
    const first = readInteger(tokens);
    const last = tokens.take('to') ? (tokens.take('max') ? max : readInteger(tokens)) : first;
    if (last < first) throw tokens.failure(`The range ${first} to ${last} is empty.`);
    ranges.push({ first, last });
  } while (tokens.take(','));
  return ranges;
}

/** An integer of 32 bits: decimal, hexadecimal or, after a 0, octal. */
export function readInteger(tokens: ProtoTokens): number {
  const sign = tokens.take('-') ? -1 : 1;
  const digits = tokens.of('number', 'an integer');
  const isOctal = /^0[0-7]+$/.test(digits);
  const value = sign * Number(isOctal ? `0o${digits}` : digits);
  if (!/^(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0[0-7]*)$/.test(digits) || (value | 0) !== value) {
    throw tokens.failure(`${digits.slice(0, 40)} is no integer of 32 bits.`);
  }
  return value + 0;
}
