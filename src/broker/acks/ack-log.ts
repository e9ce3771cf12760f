/** Where acknowledgements go that a backlog has taken: to the disk, or nowhere. */
export interface AckLog {
  /** Notes an acknowledgement that the backlog has taken; nothing is durable yet. */
  add(sequence: number): void;
  /** Notes that everything below the backlog's floor is done, by retention. */
  floorRaised(): void;
  /** Resolves when all that was noted so far is durable. */
  flush(): Promise<void>;
  /** Makes what was noted durable before long, with nobody waiting. */
  flushSoon(): void;
  /** Writes the whole state as one snapshot, so that the next start reads little. */
  compact(): Promise<void>;
  /** Writes no more; resolves when nothing is under way. */
  close(): Promise<void>;
}

const nothing = (): void => undefined;
const nothingSoon = (): Promise<void> => Promise.resolve();

/** Of what need not outlive the process: the backlog in memory is all the state there is. */
export const volatileAckLog: AckLog = {
  add: nothing,
  floorRaised: nothing,
  flush: nothingSoon,
  flushSoon: nothing,
  compact: nothingSoon,
  close: nothingSoon,
};
