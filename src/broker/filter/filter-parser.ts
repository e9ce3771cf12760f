import { tooLarge } from '../limits.ts';
import type { Expression } from './expression.ts';
import { FilterScanner } from './filter-scanner.ts';

/** A filter's UTF-8 bytes; each level of nesting takes one, so this bounds the depth as well. */
const filterBytesMax = 256;

/**
 * Reads the filter language of Pub/Sub (cloud.google.com/pubsub/docs/filtering). Throws
 * INVALID_ARGUMENT, naming the position and the rule.
 */
export function parseFilter(text: string): Expression {
  const bytes = Buffer.byteLength(text);
  if (bytes > filterBytesMax) throw tooLarge('filter_size', bytes, filterBytesMax);
  const scanner = new FilterScanner(text);
  const expression = parseExpression(scanner);
  if (scanner.isAtEnd) return expression;
  throw scanner.refusal(scanner.at, 'expected AND, OR or the end of the filter');
}

/** Throws INVALID_ARGUMENT unless `text` is a filter that a subscription may have. */
export function checkFilter(text: string): void {
  parseFilter(text);
}

function parseExpression(scanner: FilterScanner): Expression {
  const operands = [parseUnary(scanner)];
  let kind: 'and' | 'or' | null = null;
  for (;;) {
    const { at } = scanner;
    const next = scanner.takeWord('AND') ? 'and' : scanner.takeWord('OR') ? 'or' : null;
    if (next === null) break;
    if (kind !== null && next !== kind) {
      throw scanner.refusal(at, 'AND and OR must not be mixed without parentheses');
    }
    kind = next;
    operands.push(parseUnary(scanner));
  }
  return kind === null ? operands[0]! : { kind, operands };
}

function parseUnary(scanner: FilterScanner): Expression {
  if (scanner.takeWord('NOT') || scanner.takeSign('-')) {
    return { kind: 'not', operand: parseUnary(scanner) };
  }
  if (!scanner.takeSign('(')) return parsePrimary(scanner);
  const inner = parseExpression(scanner);
  if (!scanner.takeSign(')')) throw scanner.refusal(scanner.at, 'expected AND, OR or )');
  return inner;
}

function parsePrimary(scanner: FilterScanner): Expression {
  if (scanner.takeWord('hasPrefix')) return parsePrefix(scanner);
  if (!scanner.takeWord('attributes')) {
    throw scanner.refusal(scanner.at, 'expected attributes, hasPrefix, NOT, - or (');
  }
  if (scanner.takeSign(':')) return { kind: 'present', key: scanner.takeKey() };
  if (!scanner.takeSign('.')) {
    throw scanner.refusal(scanner.at, 'expected : or . after attributes');
  }
  const key = scanner.takeKey();
  if (scanner.takeSign('=')) return { kind: 'equals', key, value: scanner.takeString() };
  if (scanner.takeSign('!=')) return { kind: 'differs', key, value: scanner.takeString() };
  throw scanner.refusal(scanner.at, 'expected = or != after the key of an attribute');
}

function parsePrefix(scanner: FilterScanner): Expression {
  const expect = (sign: string): void => {
    if (scanner.takeSign(sign)) return;
    throw scanner.refusal(scanner.at, `expected ${sign} in hasPrefix(attributes.KEY, "PREFIX")`);
  };
  expect('(');
  if (!scanner.takeWord('attributes')) {
    throw scanner.refusal(scanner.at, 'expected attributes in hasPrefix(attributes.KEY, "PREFIX")');
  }
  expect('.');
  const key = scanner.takeKey();
  expect(',');
  const value = scanner.takeString();
  expect(')');
  return { kind: 'prefix', key, value };
}
