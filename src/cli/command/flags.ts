import { assert } from '../../runtime/index.ts';
import { usageError } from './command-error.ts';
import type { OptionSpec } from './command-spec.ts';

/** A checked option: its text, its number, its milliseconds, its pairs. */
type Value = string | readonly string[] | number | boolean | Readonly<Record<string, string>>;

/** The options of one command line, checked. Asking for one that the command lacks is a bug. */
export class Flags {
  readonly #specs: ReadonlyMap<string, OptionSpec>;
  readonly #values: Map<string, Value> = new Map();

  /** `given` holds the texts by name, several for a list; a switch that is on has none. */
  constructor(specs: readonly OptionSpec[], given: ReadonlyMap<string, readonly string[]>) {
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]));
    for (const [name, texts] of given) {
      const spec = this.#specs.get(name);
      assert(spec !== undefined, `option ${name} is parsed, but not specified`);
      this.#values.set(name, read(spec, texts));
    }
  }

  /** Whether a switch is on, or anything was given for an option. */
  isSet(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  text(name: string): string | undefined {
    return this.#get(name) as string | undefined;
  }

  /** Of an option that may be given several times. */
  texts(name: string): readonly string[] | undefined {
    return this.#get(name) as readonly string[] | undefined;
  }

  number(name: string): number | undefined {
    return this.#get(name) as number | undefined;
  }

  /** Milliseconds. */
  duration(name: string): number | undefined {
    return this.#get(name) as number | undefined;
  }

  pairs(name: string): Readonly<Record<string, string>> | undefined {
    return this.#get(name) as Readonly<Record<string, string>> | undefined;
  }

  #get(name: string): Value | undefined {
    assert(this.#specs.has(name), `option ${name} is asked for, but not specified`);
    return this.#values.get(name);
  }
}

function read(spec: OptionSpec, texts: readonly string[]): Value {
  if (spec.placeholder === undefined) return true;
  if (spec.kind === 'texts') return texts;
  if (spec.kind === 'pairs') return readPairs(spec, texts);
  const [text = '', second] = texts;
  if (second !== undefined) throw usageError(`--${spec.name} may be given only once.`);
  if (spec.kind === 'number') return readNumber(spec, text);
  if (spec.kind === 'duration') return readDuration(spec, text);
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    throw usageError(`--${spec.name} must be one of ${spec.choices.join(', ')}, not "${text}".`);
  }
  return text;
}

function readNumber({ name, range = [0, Number.MAX_SAFE_INTEGER] }: OptionSpec, text: string) {
  const [min, max] = range;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const limits = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw usageError(`--${name} must be a whole number ${limits}, not "${text}".`);
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `10m`, `7d`, `1h30m`; a bare number is seconds. Undefined if it is none. */
export function durationMs(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^(\d{1,9}[smhd])+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
}

function readDuration({ name, range }: OptionSpec, text: string): number {
  const ms = durationMs(text);
  const [min, max] = range ?? [0, Number.POSITIVE_INFINITY];
  if (ms !== undefined && ms >= min && ms <= max) return ms;
  const form =
    range === undefined
      ? 'a duration such as 90s, 10m, 1h30m or 7d'
      : `a duration from ${shown(min)} to ${shown(max)}`;
  throw usageError(`--${name} must be ${form}, not "${text}".`);
}

const shown = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`);

function readPairs({ name }: OptionSpec, texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
    throw usageError(`--${name} must be NAME=VALUE, not "${text}".`);
  });
  // Without a prototype a key such as __proto__ is a key like any other.
  const pairs: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, value] of entries) pairs[key] = value;
  return pairs;
}
