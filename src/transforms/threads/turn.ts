import type { TransformLimits } from '../limits.ts';
import type { Udf } from '../sandbox/sandbox.ts';
import type { TransformOutcome, TransformableMessage } from '../transform.ts';

/** What a thread is started with. */
export interface ThreadStart {
  readonly limits: TransformLimits;
  readonly life: Int32Array<SharedArrayBuffer>;
}

/** Messages as they cross to a thread: one block of bytes, which moves. */
export interface PackedMessages {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
  readonly heads: readonly Omit<TransformableMessage, 'data'>[];
}

/** Messages for one function; none: it is only loaded, to see whether it can be. */
export interface Turn {
  readonly kind: 'turn';
  /** Names the function's machine in this thread. */
  readonly id: number;
  readonly udf: Udf;
  /** The time that the functions see. */
  readonly nowMs: number;
  readonly messages: PackedMessages;
}

/** The machine of a function is no longer needed. */
export interface Forget {
  readonly kind: 'forget';
  readonly id: number;
}

export type Order = Turn | Forget;

/** What a function made of a message; of a failure its index in the chain is not known here. */
export type UdfOutcome =
  | Exclude<TransformOutcome, { kind: 'failed' }>
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly isTimeout: boolean;
      readonly isTransient?: true;
    };

/** For the first messages of a turn: it ends early when it took long or has made much. */
export interface TurnEnd {
  /** Why the function could not be loaded, or null. */
  readonly refusal: string | null;
  readonly outcomes: readonly UdfOutcome[];
}

export function packed(messages: readonly TransformableMessage[]): PackedMessages {
  const lengths = messages.map(({ data }) => data.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const { data } of messages) {
    bytes.set(data, at);
    at += data.length;
  }
  const heads = messages.map(({ attributes, orderingKey, messageId, publishTimeMs }) => ({
    attributes,
    orderingKey,
    messageId,
    ...(publishTimeMs === undefined ? {} : { publishTimeMs }),
  }));
  return { bytes, lengths, heads };
}

export function unpacked({ bytes, lengths, heads }: PackedMessages): TransformableMessage[] {
  let at = 0;
  return heads.map((head, index) => {
    const data = bytes.subarray(at, at + lengths[index]!);
    at += data.length;
    return { ...head, data };
  });
}
