import type { ReceivedMessage } from '../messages/received-message.ts';

/** Messages on their way out of a subscription, in batches of a bounded size. */
export interface MessageSource {
  /** Upper bound of how many there were when the replay began. */
  readonly total: number;
  /** At most `max` messages; empty at the end. */
  next(max: number): Promise<readonly ReceivedMessage[]>;
  /** The last batch is published: it need not come again. */
  done(): Promise<void>;
  /** The last batch may not be published: it is to come again. */
  undone(): Promise<void>;
  /** Everything was published. */
  finish(): Promise<void>;
  /** What `--resume` is given to go on after the last batch that is done; undefined: nothing. */
  readonly resume: string | undefined;
}
