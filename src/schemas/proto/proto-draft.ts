/**
 * A .proto file as it is written: references are unresolved, nothing is checked but the grammar.
 */
export interface DraftFile {
  readonly isProto3: boolean;
  readonly package: string;
  readonly imports: readonly string[];
  readonly messages: readonly DraftMessage[];
  readonly enums: readonly DraftEnum[];
}

export interface DraftMessage {
  readonly name: string;
  readonly fields: DraftField[];
  readonly oneofs: string[];
  readonly messages: DraftMessage[];
  readonly enums: DraftEnum[];
  readonly reserved: DraftReserved;
  /** Ranges for extensions, both ends included. */
  readonly extensionRanges: DraftRange[];
  /** Of the entries of a map. */
  readonly isMapEntry?: boolean;
}

export type DraftLabel = 'optional' | 'required' | 'repeated' | '';

export interface DraftField {
  readonly label: DraftLabel;
  readonly type: string;
  readonly name: string;
  readonly number: number;
  readonly isGroup: boolean;
  readonly oneof: number | undefined;
  readonly options: DraftOptions;
}

/** The options of fields that mean something to data. */
export interface DraftOptions {
  readonly default?: DraftConstant;
  readonly jsonName?: string;
  readonly packed?: boolean;
}

/** `kind` tells a string "1" from the number 1. */
export interface DraftConstant {
  readonly kind: 'word' | 'number' | 'string';
  readonly text: string;
}

export interface DraftEnum {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
  readonly allowAlias: boolean;
  readonly reserved: DraftReserved;
}

/** Both ends included. */
export interface DraftRange {
  readonly first: number;
  readonly last: number;
}

export interface DraftReserved {
  readonly names: string[];
  readonly ranges: DraftRange[];
}
