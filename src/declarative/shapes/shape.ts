import type { Json } from '../json.ts';

/**
 * What a value of the document may be. The shapes are the one source of the reader, of the JSON
 * Schema for editors, and of what is compared with a server.
 */
export type Shape =
  | TextShape
  | NumberShape
  | SwitchShape
  | DurationShape
  | NameShape
  | ListShape
  | MapShape
  | ObjectShape;

export type ScalarShape = Exclude<Shape, ListShape | MapShape | ObjectShape>;

export interface TextShape {
  readonly kind: 'text';
  readonly pattern?: RegExp;
  /** What a text must be that the pattern refuses: `a URL`. */
  readonly says?: string;
  readonly choices?: readonly string[];
  /** Of its UTF-8. */
  readonly bytesMax?: number;
}

export interface NumberShape {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
}

export interface SwitchShape {
  readonly kind: 'switch';
}

/** Seconds, written `600s`. */
export interface DurationShape {
  readonly kind: 'duration';
  readonly min: number;
  readonly max: number;
}

export type Referent = 'topics' | 'schemas' | 'keys';

/** The name of another resource, short or full. */
export interface NameShape {
  readonly kind: 'name';
  readonly of: Referent;
}

export interface ListShape {
  readonly kind: 'list';
  readonly of: Shape;
  readonly min?: number;
  readonly max: number;
}

export interface MapShape {
  readonly kind: 'map';
  readonly keys: RegExp;
  /** What a key is, and must be. */
  readonly says: string;
  readonly of: Shape;
  readonly max: number;
}

export interface ObjectShape {
  readonly kind: 'object';
  /** Its name among the definitions of the JSON Schema. */
  readonly title: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** Of each group exactly one must be there. */
  readonly exactlyOne?: readonly (readonly [string, string, ...string[]])[];
  /** Of each group at most one may be there. */
  readonly atMostOne?: readonly (readonly [string, string, ...string[]])[];
  /** Names that begin with `x-` are passed over: a place for anchors. */
  readonly hasExtensions?: true;
}

export interface Field {
  readonly shape: Shape;
  /** One sentence or more, for editors. */
  readonly doc: string;
  readonly isRequired?: true;
  /** What its absence means. */
  readonly default?: Json;
  /** It cannot be changed once the resource is there. */
  readonly isFixed?: true;
  /**
   * `document`: read here, and never sent as it is. `creation`: sent, never compared.
   * `chosen`: compared only where it is given, as the server chooses otherwise.
   */
  readonly part?: 'document' | 'creation' | 'chosen';
}

export const text = (more: Omit<TextShape, 'kind'> = {}): TextShape => ({ kind: 'text', ...more });
export const choice = (...choices: readonly string[]): TextShape => ({ kind: 'text', choices });
export const whole = (min: number, max: number): NumberShape => ({ kind: 'number', min, max });
export const aSwitch: SwitchShape = { kind: 'switch' };
export const seconds = (min: number, max: number): DurationShape => ({
  kind: 'duration',
  min,
  max,
});
export const nameOf = (of: Referent): NameShape => ({ kind: 'name', of });

const durationPattern = /^(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,9}))?s$/;

/** Seconds of `600s` or `1.5s`; undefined if it is none. */
export function secondsOf(duration: string): number | undefined {
  const [, whole, part = ''] = durationPattern.exec(duration) ?? [];
  return whole === undefined ? undefined : Number(`${whole}.${part}0`);
}

/** `600s`. */
export function durationText(value: number): string {
  return `${value}s`;
}

export const durationSource: string = durationPattern.source;
