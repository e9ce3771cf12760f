// Control characters of C0 and C1 and what turns the direction of text: they could redraw a terminal.
const controls = /[\p{Cc}\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu;

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text of strangers for a terminal: control characters are shown, not obeyed. One line. */
export function visible(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    const hex = code.toString(16);
    return (
      shortEscapes[character] ??
      (code < 256 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
    );
  });
}

/**
 * JSON that cannot control a terminal either: JSON itself escapes only the first 32 of what could.
 * To a program it is the same.
 */
export function jsonText(value: unknown, indent: number = 0): string {
  return JSON.stringify(value, null, indent).replace(controls, (character) => {
    const isOfLayout = character === '\n';
    return isOfLayout ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A message for people on one line: line breaks and runs of blanks become one blank. */
export function oneLine(text: string): string {
  return visible(text.trim().replaceAll(/\s+/g, ' '));
}

/** Ends a text as a sentence, unless it is one. */
export function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

const segmenter = new Intl.Segmenter();

/** What people see as single characters. */
function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

const isPlain = (text: string): boolean => /^[ -~]*$/.test(text);

/** Columns that a text takes. */
export function width(text: string): number {
  return isPlain(text) ? text.length : graphemes(text).length;
}

/** At most `length` characters, the last of them an ellipsis if something was cut. */
export function cut(text: string, length: number): string {
  if (width(text) <= length) return text;
  return `${graphemes(text)
    .slice(0, length - 1)
    .join('')}…`;
}

/** `3 messages`, `1 message`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** 231083 as `231,083`. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** Milliseconds as people say them: `45 s`, `3 min`, `2.5 h`, `4 d`. */
export function roughly(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** How long before `nowMs` a timestamp of an API was, roughly; empty if there is none. */
export function ageText(timestamp: string, nowMs: number): string {
  const atMs = Date.parse(timestamp);
  return Number.isNaN(atMs) ? '' : roughly(Math.max(0, nowMs - atMs));
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `512 B`, `1.5 MiB`: bytes for people. */
export function byteText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${byteUnits[power]}`;
}
