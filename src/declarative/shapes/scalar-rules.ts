import { secondsOf, type DurationShape, type ScalarShape, type TextShape } from './shape.ts';

/** What is wrong with a scalar; undefined if nothing is. */
export function scalarProblem(value: unknown, shape: ScalarShape): string | undefined {
  const { kind } = shape;
  if (kind === 'switch') return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (kind === 'number') {
    const { min, max } = shape;
    return isWhole(value, min, max) ? undefined : `must be a whole number from ${min} to ${max}`;
  }
  if (kind === 'duration') return durationProblem(value, shape);
  if (typeof value !== 'string') return textProblem(value);
  return kind === 'name' ? nameProblem(value, shape.of) : patternProblem(value, shape);
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function durationProblem(value: unknown, { min, max }: DurationShape): string | undefined {
  const seconds = typeof value === 'string' ? secondsOf(value) : undefined;
  if (seconds === undefined) return 'must be a duration in seconds, such as 600s';
  return seconds < min || seconds > max ? `must be from ${min}s to ${max}s` : undefined;
}

/** YAML reads `on: 1` as a number: quotes make it a text. */
function textProblem(value: unknown): string {
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  return isPlain ? `must be a text: write "${String(value)}"` : 'must be a text';
}

function patternProblem(
  value: string,
  { pattern, says, choices, bytesMax }: TextShape,
): string | undefined {
  if (choices !== undefined && !choices.includes(value)) {
    return choices.length === 1 ? `must be ${choices[0]}` : `must be one of ${choices.join(', ')}`;
  }
  if (pattern !== undefined && !pattern.test(value)) return `must be ${says ?? 'another text'}`;
  if (bytesMax !== undefined && Buffer.byteLength(value) > bytesMax) {
    return `must be at most ${bytesMax} bytes`;
  }
  return undefined;
}

/** Short and full names of what another field may name. */
export const namePatterns: Readonly<Record<'topics' | 'schemas' | 'keys', RegExp>> = {
  topics: /^(?:projects\/[^/\s]+\/topics\/)?(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/,
  schemas: /^(?:projects\/[^/\s]+\/schemas\/)?(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/,
  keys: /^(?:projects\/[^/\s]+\/locations\/[a-zA-Z0-9-]{1,63}\/keyRings\/[a-zA-Z0-9_-]{1,63}\/cryptoKeys\/|(?:[a-zA-Z0-9-]{1,63}\/)?[a-zA-Z0-9_-]{1,63}\/)[a-zA-Z0-9_-]{1,63}$/,
};

const nameSays = {
  topics: 'the id of a topic, or projects/P/topics/ID',
  schemas: 'the id of a schema, or projects/P/schemas/ID',
  keys: 'RING/KEY, LOCATION/RING/KEY or the full name of a key',
} as const;

function nameProblem(value: string, of: keyof typeof namePatterns): string | undefined {
  return namePatterns[of].test(value) ? undefined : `must be ${nameSays[of]}`;
}
