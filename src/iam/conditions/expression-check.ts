import type { parse } from '@bufbuild/cel';

import { isDuration, isTimestamp, isTimeZone } from './literals.ts';
import { methodOf, operators } from './signatures.ts';
import { listOf, type ValueType } from './value-types.ts';

type Expression = ReturnType<typeof parse>['expr'];
type CallExpression = Extract<Expression['exprKind'], { readonly case: 'callExpr' }>['value'];

/** So many parts may an expression have: what is evaluated for each call must be cheap. */
const partsMax = 80;
const depthMax = 24;
/** As long as a resource's name can be. */
const textLengthMax = 1_024;

/** Why an expression is not evaluated here, in a sentence for whoever sets it. */
export class Inadmissible extends Error {}

/** What a check finds out beside that the expression is admissible. */
export interface CheckedExpression {
  readonly readsTime: boolean;
}

/**
 * Goes through all of an expression with a list of what is allowed, and checks that types fit, so
 * that nothing else is ever evaluated: no comprehension, no regular expression, no growing text.
 *
 * @throws Inadmissible
 */
export function checkedExpression(expression: Expression): CheckedExpression {
  const check = new ExpressionCheck();
  if (check.typeOf(expression, 0) !== 'bool') {
    throw new Inadmissible('The condition is not of type bool.');
  }
  return check;
}

class ExpressionCheck implements CheckedExpression {
  readsTime = false;
  #parts = 0;

  typeOf(expression: Expression, depth: number): ValueType {
    if (++this.#parts > partsMax || depth > depthMax) {
      throw new Inadmissible(
        `The condition has more than ${partsMax} parts, or nests deeper than ${depthMax}.`,
      );
    }
    const { exprKind } = expression;
    switch (exprKind.case) {
      case 'constExpr':
        return typeOfConstant(expression);
      case 'selectExpr':
        return this.#attribute(expression);
      case 'callExpr':
        return this.#call(exprKind.value, depth + 1);
      case 'listExpr':
        return this.#list(exprKind.value.elements, depth + 1);
      case 'comprehensionExpr':
        throw new Inadmissible(
          'The macros all, exists, exists_one, filter and map are not evaluated here.',
        );
      case 'identExpr':
        throw unknownAttribute(exprKind.value.name);
      default:
        throw new Inadmissible(
          'The condition makes a message or a map: neither is evaluated here.',
        );
    }
  }

  #attribute(expression: Expression): ValueType {
    const { path, isTest } = attributeOf(expression);
    const type = attributes.get(path);
    if (type === undefined) throw unknownAttribute(path);
    if (isTest) return 'bool';
    if (path === timeAttribute) this.readsTime = true;
    return type;
  }

  #list(elements: readonly Expression[], depth: number): ValueType {
    const types = new Set(elements.map((element) => this.typeOf(element, depth)));
    const [type] = types;
    if (types.size !== 1 || type === undefined) {
      throw new Inadmissible('A list of a condition must have elements, all of one type.');
    }
    return listOf(type);
  }

  #call(call: CallExpression, depth: number): ValueType {
    const name = call.function;
    const operator = operators.get(name);
    const method = operator ?? methodOf(name, call.target !== undefined);
    if (method === undefined)
      throw new Inadmissible(`The function ${shown(name)} is not evaluated here.`);
    const operands = [...(call.target ? [call.target] : []), ...call.args];
    const types = operands.map((operand) => this.typeOf(operand, depth));
    const result = method(types);
    if (result === null) {
      throw new Inadmissible(`${shown(name)} does not take operands of type ${types.join(', ')}.`);
    }
    requireLiterals(call);
    return result;
  }
}

const timeAttribute = 'request.time';

const attributes: ReadonlyMap<string, ValueType> = new Map([
  ['resource.name', 'string'],
  ['resource.type', 'string'],
  ['resource.service', 'string'],
  [timeAttribute, 'time'],
]);

function typeOfConstant({ exprKind }: Expression): ValueType {
  const kind = exprKind.case === 'constExpr' ? exprKind.value.constantKind.case : undefined;
  const type = constantTypes.get(kind ?? '');
  if ((textOf({ exprKind })?.length ?? 0) > textLengthMax) {
    throw new Inadmissible(`A text of the condition is longer than ${textLengthMax} characters.`);
  }
  if (type !== undefined) return type;
  throw new Inadmissible('Only texts, whole numbers, true and false are constants here.');
}

const constantTypes: ReadonlyMap<string, ValueType> = new Map([
  ['boolValue', 'bool'],
  ['int64Value', 'int'],
  ['stringValue', 'string'],
]);

/** `resource.name`, and whether it is only asked if it is there. */
function attributeOf(expression: Expression): { readonly path: string; readonly isTest: boolean } {
  const names: string[] = [];
  let isTest = false;
  let at: Expression | undefined = expression;
  while (at?.exprKind.case === 'selectExpr') {
    names.unshift(at.exprKind.value.field);
    isTest ||= at.exprKind.value.testOnly;
    at = at.exprKind.value.operand;
  }
  if (at?.exprKind.case === 'identExpr') names.unshift(at.exprKind.value.name);
  else names.unshift('…');
  return { path: names.join('.'), isTest };
}

/** What some functions are given must be written out, so that it is known to be well formed. */
const literalChecks: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['timestamp', isTimestamp],
  ['duration', isDuration],
  ['extract', (template) => template.split('{').length === 2 && /\{[A-Za-z0-9_]+\}/.test(template)],
]);

function requireLiterals(call: CallExpression): void {
  const isGetter = call.function.startsWith('get');
  const check = isGetter ? isTimeZone : literalChecks.get(call.function);
  const [argument] = call.args;
  if (check === undefined || argument === undefined) return;
  const text = textOf(argument);
  if (text !== null && check(text)) return;
  throw new Inadmissible(`The argument of ${call.function} is not one that is evaluated here.`);
}

function textOf({ exprKind }: Pick<Expression, 'exprKind'>): string | null {
  if (exprKind.case !== 'constExpr') return null;
  const { constantKind } = exprKind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : null;
}

function unknownAttribute(path: string): Inadmissible {
  return new Inadmissible(`The attribute ${shown(path)} is not evaluated here.`);
}

const shown = (name: string): string => name.slice(0, 100);
