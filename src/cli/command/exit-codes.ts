/** How a command ends; docs/cli.md shows this table. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  exists: 4,
  refused: 5,
  unreachable: 6,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The codes with their meanings, as help and docs show them. */
export const exitMeanings: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done; a stream that Ctrl-C or a closed pipe ended is done too'],
  ['1', 'failed in another way; `doctor`: something stands still'],
  ['2', 'the command line was not understood'],
  ['3', 'what was named does not exist (NOT_FOUND)'],
  ['4', 'what was to be made exists (ALREADY_EXISTS)'],
  [
    '5',
    'refused: a key cannot be used, or a permission is missing (FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED)',
  ],
  ['6', 'the server cannot be reached or does not answer (UNAVAILABLE, DEADLINE_EXCEEDED)'],
  ['130, 143', 'ended by SIGINT or SIGTERM; `publish`, `subscribe` and `top` only by a second one'],
];

const byStatus: Readonly<Record<string, ExitCode>> = {
  NOT_FOUND: exitCodes.notFound,
  ALREADY_EXISTS: exitCodes.exists,
  FAILED_PRECONDITION: exitCodes.refused,
  PERMISSION_DENIED: exitCodes.refused,
  UNAUTHENTICATED: exitCodes.refused,
  UNAVAILABLE: exitCodes.unreachable,
  DEADLINE_EXCEEDED: exitCodes.unreachable,
};

/** The exit code of an API's status code. */
export function exitCodeOf(status: string): ExitCode {
  return byStatus[status] ?? exitCodes.failed;
}
