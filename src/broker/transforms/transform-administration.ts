import type {
  MessageTransform,
  TransformableMessage,
  TransformOutcome,
} from '../../transforms/index.ts';

/** Whose transforms are tried: given ones, or those that a resource has. */
export type TransformsOf =
  | { readonly transforms: readonly MessageTransform[] }
  | { readonly topic: string }
  | { readonly subscription: string };

/** Pub/Sub's methods about transforms, which are in no public proto. */
export interface TransformAdministration {
  /** Throws INVALID_ARGUMENT for one that could not be run. */
  check(transform: MessageTransform): Promise<void>;
  /** What the message is after each enabled transform, up to the first that filters or fails. */
  test(message: TransformableMessage, of: TransformsOf): Promise<TransformOutcome[]>;
}
