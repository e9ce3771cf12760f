/** What is told of one kind of stored things while they are authenticated. All calls are cheap. */
export interface VerificationSink {
  /** So many more will be looked at; may be called again when more turn up. */
  expect(count: number): void;
  /** So many items were authenticated, `bytes` stored bytes together. */
  passed(count: number, bytes: number): void;
  /** What is stored at `where` is not what was written there. */
  damaged(where: string, problem: string): void;
  /** So many items could not be looked into: their key may not be used, say. */
  unread(count: number, where: string, reason: string): void;
}

/** One kind of stored things that can be authenticated, all of them. */
export interface Verifiable {
  /** As the report names it: `messages`, `metadata`, … */
  readonly part: string;
  /**
   * Looks at everything that is stored when it is called; what comes or goes meanwhile is neither
   * missed nor damage. Gives way to others at least once a mebibyte; ends early, without an error,
   * when `signal` aborts. Rejects only if the store itself cannot be read.
   */
  verify(sink: VerificationSink, signal: AbortSignal): Promise<void>;
}
