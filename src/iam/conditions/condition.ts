import { parse } from '@bufbuild/cel';

import { RpcError } from '../../rpc/index.ts';
import { fieldError } from '../iam-error.ts';
import { checkedExpression, Inadmissible } from './expression-check.ts';
import { evaluatorOf } from './evaluation.ts';

/** What a condition may ask about. */
export interface ConditionAttributes {
  /** `projects/P/locations/L/keyRings/R/cryptoKeys/K`: what is used, not where the binding stands. */
  readonly resourceName: string;
  /** `cloudkms.googleapis.com/CryptoKey`. */
  readonly resourceType: string;
  /** ms since the Unix epoch. */
  readonly timeMs: number;
}

/** The condition of a binding, ready to be asked. */
export interface Condition {
  /** False, too, where the evaluation fails. */
  holds(attributes: ConditionAttributes): boolean;
  /** Whether the answer may change as time passes. */
  readonly readsTime: boolean;
}

/** In characters: IAM takes more, but the library's reader is slow with long texts. */
const expressionLengthMax = 2_048;
/** The reader's time grows with the square of a run of blanks. */
const blanksPattern = /\s{33}/;
/** Conditions that are kept read; policies rarely hold more than some. */
const keptMax = 1_000;

const kept = new Map<string, Condition | null>();

/**
 * The condition that a binding's expression states, or null if it uses more of CEL than is
 * evaluated here. A part that is not makes all of it null: a negation cannot turn it into a grant.
 */
export function parseCondition(expression: string): Condition | null {
  const known = kept.get(expression);
  if (known !== undefined) return known;
  let condition: Condition | null = null;
  try {
    condition = readCondition(expression);
  } catch (error) {
    if (!(error instanceof Inadmissible)) throw error;
  }
  if (kept.size >= keptMax) kept.clear();
  kept.set(expression, condition);
  return condition;
}

/** @throws RpcError INVALID_ARGUMENT that names what of an expression is not evaluated here */
export function requireCondition(expression: string): void {
  const problem = conditionProblem(expression);
  if (problem !== undefined) throw fieldError('policy.bindings.condition.expression', problem);
}

/** What of an expression is not evaluated here; undefined if all of it is. */
export function conditionProblem(expression: string): string | undefined {
  try {
    readCondition(expression);
    return undefined;
  } catch (error) {
    if (!(error instanceof Inadmissible)) throw RpcError.from(error);
    return error.message;
  }
}

function readCondition(expression: string): Condition {
  const expr = parsed(expression);
  const { readsTime } = checkedExpression(expr);
  return { holds: evaluatorOf(expr), readsTime };
}

type Expression = ReturnType<typeof parse>['expr'];

function parsed(expression: string): Expression {
  if (expression.length > expressionLengthMax) {
    throw new Inadmissible(`The condition is longer than ${expressionLengthMax} characters.`);
  }
  if (blanksPattern.test(expression)) {
    throw new Inadmissible('The condition has more than 32 blanks in a row.');
  }
  try {
    return parse(expression).expr;
  } catch {
    // Also where it nests so deep that the reader's stack ends.
    throw new Inadmissible('The condition is no expression of the Common Expression Language.');
  }
}
