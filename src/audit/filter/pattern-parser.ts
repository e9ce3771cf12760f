/** A regular expression as a tree. Characters are UTF-16 code units. */
export type PatternNode =
  | { readonly kind: 'char'; readonly takes: (code: number) => boolean }
  | { readonly kind: 'edge'; readonly edge: '^' | '$' | 'b' | 'B' }
  | { readonly kind: 'sequence' | 'either'; readonly of: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly of: PatternNode;
      readonly min: number;
      readonly max: number;
    };

const repeatMax = 1_000;
const depthMax = 100;

class PatternError extends Error {}

/** What a class such as `\d` takes, by its letter in lower case. */
const classes: Readonly<Record<string, RegExp>> = { d: /^\d$/, s: /^[\t\n\f\r ]$/, w: /^\w$/ };

const controls: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };

/** Parses RE2's syntax without classes by name; else what is wrong with it. */
export function parsePattern(pattern: string): PatternNode | string {
  try {
    return new PatternParser(pattern).parse();
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

class PatternParser {
  readonly #pattern: string;
  #at = 0;
  #depth = 0;
  #ignoresCase = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  parse(): PatternNode {
    const flags = /^\(\?(i)\)/.exec(this.#pattern);
    if (flags !== null) {
      this.#ignoresCase = true;
      this.#at = flags[0].length;
    }
    const node = this.#either();
    if (this.#at < this.#pattern.length) throw new PatternError('unexpected )');
    return node;
  }

  #either(): PatternNode {
    if (++this.#depth > depthMax) throw new PatternError('it is nested too deeply');
    const of = [this.#sequence()];
    while (this.#take('|')) of.push(this.#sequence());
    this.#depth--;
    return { kind: 'either', of };
  }

  #sequence(): PatternNode {
    const of: PatternNode[] = [];
    while (this.#peek() !== undefined && this.#peek() !== '|' && this.#peek() !== ')') {
      of.push(this.#repeated(this.#atom()));
    }
    return { kind: 'sequence', of };
  }

  #repeated(of: PatternNode): PatternNode {
    const found = /^(?:([*+?])|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??/.exec(
      this.#pattern.slice(this.#at),
    );
    if (found === null) return of;
    this.#at += found[0].length;
    if (/^(?:[*+?]|\{\d)/.test(this.#pattern.slice(this.#at))) {
      throw new PatternError('two repetitions in a row');
    }
    return { kind: 'repeat', of, ...timesOf(found) };
  }

  #atom(): PatternNode {
    const char = this.#pattern[this.#at++]!;
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#set();
      case '\\':
        return this.#escaped();
      case '.':
        return { kind: 'char', takes: (code) => code !== 10 };
      case '^':
      case '$':
        return { kind: 'edge', edge: char };
      case '*':
      case '+':
      case '?':
        throw new PatternError('nothing to repeat');
      default:
        return this.#literal(char);
    }
  }

  #group(): PatternNode {
    const opening = /^\?(?::|P?<\w+>)/.exec(this.#pattern.slice(this.#at));
    if (opening !== null) this.#at += opening[0].length;
    else if (this.#peek() === '?') throw new PatternError('a group that is not supported');
    const node = this.#either();
    if (!this.#take(')')) throw new PatternError('missing )');
    return node;
  }

  #literal(char: string): PatternNode {
    return { kind: 'char', takes: this.#range(char.charCodeAt(0), char.charCodeAt(0)) };
  }

  #escaped(): PatternNode {
    const letter = this.#peek();
    if (letter === 'b' || letter === 'B') {
      this.#at++;
      return { kind: 'edge', edge: letter };
    }
    if (letter === 'A' || letter === 'z') {
      this.#at++;
      return { kind: 'edge', edge: letter === 'A' ? '^' : '$' };
    }
    return { kind: 'char', takes: this.#escape().takes };
  }

  /** After a backslash: a class, or one character, which `code` tells. */
  #escape(): { takes: (code: number) => boolean; code: number | null } {
    const letter = this.#pattern[this.#at++];
    if (letter === undefined) throw new PatternError('it ends with a backslash');
    const set = classes[letter.toLowerCase()];
    if (set !== undefined) {
      const isWanted = letter === letter.toLowerCase();
      return { takes: (code) => set.test(String.fromCharCode(code)) === isWanted, code: null };
    }
    const control = controls[letter];
    if (control === undefined && /[a-z0-9]/i.test(letter)) {
      throw new PatternError(`unknown escape \\${letter}`);
    }
    const code = (control ?? letter).charCodeAt(0);
    return { takes: this.#range(code, code), code };
  }

  #set(): PatternNode {
    const isNegated = this.#take('^');
    const tests: ((code: number) => boolean)[] = [];
    for (let isFirst = true; isFirst || this.#peek() !== ']'; isFirst = false) {
      tests.push(this.#member());
    }
    this.#at++;
    const takes = (code: number): boolean => tests.some((test) => test(code)) !== isNegated;
    return { kind: 'char', takes };
  }

  #member(): (code: number) => boolean {
    const { takes, code } = this.#setChar();
    const isRange = this.#peek() === '-' && this.#pattern[this.#at + 1] !== ']';
    if (code === null || !isRange) return takes;
    this.#at++;
    const last = this.#setChar().code;
    if (last === null || last < code) throw new PatternError('bad range in a set');
    return this.#range(code, last);
  }

  #setChar(): { takes: (code: number) => boolean; code: number | null } {
    const char = this.#pattern[this.#at++];
    if (char === undefined) throw new PatternError('missing ]');
    if (char === '\\') return this.#escape();
    const code = char.charCodeAt(0);
    return { takes: this.#range(code, code), code };
  }

  #range(first: number, last: number): (code: number) => boolean {
    const isIn = (code: number): boolean => code >= first && code <= last;
    if (!this.#ignoresCase) return isIn;
    return (code) => {
      const char = String.fromCharCode(code);
      return isIn(char.toLowerCase().charCodeAt(0)) || isIn(char.toUpperCase().charCodeAt(0));
    };
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #peek(): string | undefined {
    return this.#pattern[this.#at];
  }
}

/** Of `*`, `+`, `?` or `{min,max}`. */
function timesOf([, mark, least = '', comma, most = '']: readonly (string | undefined)[]): {
  min: number;
  max: number;
} {
  if (mark !== undefined) return { min: mark === '+' ? 1 : 0, max: mark === '?' ? 1 : Infinity };
  const min = Number(least);
  const open = most === '' ? Infinity : Number(most);
  const max = comma === undefined ? min : open;
  const isBounded = min <= repeatMax && (max <= repeatMax || max === Infinity);
  if (max < min || !isBounded) throw new PatternError('bad repetition');
  return { min, max };
}
