/** google.pubsub.v1.MessageTransform, as it is stored. */
export interface MessageTransform {
  readonly disabled: boolean;
  /** Deprecated, and of no meaning: shown as it was given. */
  readonly enabled?: true;
  readonly javascriptUdf?: { readonly functionName: string; readonly code: string };
  readonly compression?: { readonly algorithm: 'ZLIB'; readonly mode: 'COMPRESS' | 'DECOMPRESS' };
}

/** A message on its way through transforms. */
export interface TransformableMessage {
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
  /** Empty if there is none; transforms cannot change it. */
  readonly orderingKey: string;
  /** Empty before it was published. */
  readonly messageId: string;
  /** Ms since the Unix epoch; absent before it was published. */
  readonly publishTimeMs?: number;
}

/** What became of one message. A failure is the message's own: its neighbours go on. */
export type TransformOutcome =
  | {
      readonly kind: 'transformed';
      readonly data: Uint8Array;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'filtered' }
  /** `message` is the user's to read: what threw, timed out or returned what no message is. */
  | {
      readonly kind: 'failed';
      readonly index: number;
      readonly message: string;
      /** It is not the message's doing: nobody could run the code now. */
      readonly isTransient?: true;
    };

/** The enabled transforms of one resource's revision, in their order, with a context of their own. */
export interface TransformChain {
  /**
   * One outcome for each message, in order; where much is made of them for the first alone, at
   * least one: the others are to be run again. Never rejects for what a user's code does.
   */
  run(messages: readonly TransformableMessage[]): Promise<TransformOutcome[]>;
  /** As `run` for one message, with what it was after each transform (testMessageTransforms). */
  trace(message: TransformableMessage): Promise<TransformOutcome[]>;
  /** Its context is thrown away; what runs fails. */
  close(): void;
}

export interface TransformEngine {
  /** Why a transform would be refused: code that does not parse, no such function, … */
  check(transform: MessageTransform): Promise<string | null>;
  /** For `owner` (a resource's name) alone; empty or all disabled: null, there is nothing to do. */
  prepare(owner: string, transforms: readonly MessageTransform[]): TransformChain | null;
  close(): Promise<void>;
}
