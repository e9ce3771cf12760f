/** A call with all its tries; the envelope gives up after five times as long. */
export const callDeadlineMs = 1_000;

/** Waits between the tries of one call: from the first, doubling, each between a half and a whole. */
export const retryWaitMs = { first: 25, longest: 400 } as const;

/** Calls for one key that fail one after the other until the next are refused at once. */
export const breakerFailuresMax = 5;

/** How long they are refused before one is let through: from the first, doubling, to the second. */
export const breakerOpenMs = { first: 1_000, longest: 5_000 } as const;

/** Keys whose failures are remembered; beyond it the oldest are forgotten. */
export const breakersMax = 10_000;

/** Three heartbeats (key_watch.proto: every 10 seconds): without a word for so long it is broken. */
export const watchSilenceMs = 30_000;

/** Waits before a broken watch is opened again: from the first, doubling, to the second. */
export const watchBackoffMs = { first: 100, longest: 5_000 } as const;

/** How often a key service that does not push is asked whether it does by now. */
export const watchRecheckMs = 60_000;

/** How often the versions in use are looked at, where changes are not pushed. */
export const pollIntervalMs = 30_000;

/** A version counts as in use so long after it last wrapped a key. */
export const pollUseMs: number = 6 * 3_600_000;

/** Versions that are looked at; Cloud KMS allows a project 300 reads a minute. */
export const polledVersionsMax = 100;

/** How often messages' dependence on versions is reported, changed or not. */
export const reportIntervalMs = 60_000;

/** A change is reported so long after it came, with all that came meanwhile. */
export const reportDelayMs = 1_000;

/** A report is followed by a pause of so many times what it took: it reads every topic's keys. */
export const reportPauseFactor = 10;

/** What a watcher reported is kept so long after its watch ended, as long as it may be away. */
export const reportKeptMs: number = 10 * 60_000;
