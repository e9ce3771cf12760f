import { type PatternNode, parsePattern } from './pattern-parser.ts';

/**
 * One step of a compiled pattern. `char` consumes a character; `split` goes on at both targets;
 * `edge` goes on if the place in the text is such an edge.
 */
type Step =
  | { readonly kind: 'char'; readonly takes: (code: number) => boolean }
  | { readonly kind: 'edge'; readonly edge: '^' | '$' | 'b' | 'B' }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'match' };

/** Each costs time for each character of a text. */
const stepsMax = 500;

/**
 * Compiles a regular expression of RE2's syntax: what it searches for may be anywhere in a text.
 * Its time is linear in the text, whatever the pattern: a query must not be able to stop the server.
 * Returns what is wrong with it if it is none.
 */
export function compilePattern(pattern: string): ((text: string) => boolean) | string {
  const parsed = parsePattern(pattern);
  if (typeof parsed === 'string') return parsed;
  const steps: Step[] = [];
  if (!emit(parsed, steps)) return 'it is too large';
  steps.push({ kind: 'match' });
  return (text) => search(steps, text);
}

/** Appends the steps of a node; false once there are too many. */
function emit(node: PatternNode, steps: Step[]): boolean {
  if (steps.length > stepsMax) return false;
  switch (node.kind) {
    case 'sequence':
      return node.of.every((each) => emit(each, steps));
    case 'either':
      return emitEither(node.of, steps);
    case 'repeat':
      return emitRepeat(node, steps);
    default:
      steps.push(node);
      return true;
  }
}

function emitEither(of: readonly PatternNode[], steps: Step[]): boolean {
  const [first, ...rest] = of;
  if (rest.length === 0) return emit(first!, steps);
  const split = pushSplit(steps);
  split.first = steps.length;
  if (!emit(first!, steps)) return false;
  const leave = pushSplit(steps);
  split.second = steps.length;
  if (!emitEither(rest, steps)) return false;
  leave.first = leave.second = steps.length;
  return true;
}

function emitRepeat(
  { of, min, max }: Extract<PatternNode, { kind: 'repeat' }>,
  steps: Step[],
): boolean {
  for (let count = 0; count < min; count++) {
    const before = steps.length;
    if (!emit(of, steps)) return false;
    // Nothing, however often, is nothing: without steps no limit would end nested repetitions.
    if (steps.length === before) break;
  }
  if (max === Infinity) {
    const start = steps.length;
    const split = pushSplit(steps);
    split.first = steps.length;
    if (!emit(of, steps)) return false;
    const again = pushSplit(steps);
    again.first = again.second = start;
    split.second = steps.length;
    return true;
  }
  const splits: { first: number; second: number }[] = [];
  for (let count = min; count < max; count++) {
    const split = pushSplit(steps);
    split.first = steps.length;
    splits.push(split);
    if (!emit(of, steps)) return false;
  }
  for (const split of splits) split.second = steps.length;
  return true;
}

function pushSplit(steps: Step[]): { first: number; second: number } {
  const split = { kind: 'split' as const, first: 0, second: 0 };
  steps.push(split);
  return split;
}

/** All ways at once: the set of steps at which a match that began anywhere before may stand. */
function search(steps: readonly Step[], text: string): boolean {
  let current = new Set<number>();
  for (let at = 0; at <= text.length; at++) {
    if (enter(steps, 0, text, at, current)) return true;
    if (at === text.length) break;
    const next = new Set<number>();
    const code = text.charCodeAt(at);
    for (const index of current) {
      const step = steps[index]!;
      if (step.kind !== 'char' || !step.takes(code)) continue;
      if (enter(steps, index + 1, text, at + 1, next)) return true;
    }
    current = next;
  }
  return false;
}

/** Adds a step and all that follow from it without a character. True if the match is one of them. */
function enter(
  steps: readonly Step[],
  start: number,
  text: string,
  at: number,
  into: Set<number>,
): boolean {
  const stack = [start];
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    if (into.has(index)) continue;
    into.add(index);
    const step = steps[index]!;
    if (step.kind === 'match') return true;
    if (step.kind === 'split') stack.push(step.second, step.first);
    if (step.kind === 'edge' && isEdge(step.edge, text, at)) stack.push(index + 1);
  }
  return false;
}

function isEdge(edge: '^' | '$' | 'b' | 'B', text: string, at: number): boolean {
  if (edge === '^') return at === 0;
  if (edge === '$') return at === text.length;
  const isBoundary = isWord(text.charCodeAt(at - 1)) !== isWord(text.charCodeAt(at));
  return isBoundary === (edge === 'b');
}

/** `\w`; NaN, of beyond the text, is none. */
export function isWord(code: number): boolean {
  const char = Number.isNaN(code) ? '' : String.fromCharCode(code);
  return /^\w$/.test(char);
}
