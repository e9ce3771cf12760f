/** A subscription's filter as it was read: what its text means, and no more. */
export type Expression =
  | { readonly kind: 'and'; readonly operands: readonly Expression[] }
  | { readonly kind: 'or'; readonly operands: readonly Expression[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  /** The attribute is there, whatever its value. */
  | { readonly kind: 'present'; readonly key: string }
  | { readonly kind: 'equals'; readonly key: string; readonly value: string }
  /** Also true of a message without the attribute. */
  | { readonly kind: 'differs'; readonly key: string; readonly value: string }
  | { readonly kind: 'prefix'; readonly key: string; readonly value: string };
