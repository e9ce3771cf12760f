import { exitCodes, type ExitCode } from './exit-codes.ts';

/** A failure that the user can understand: one line, what to try, an exit code. No stack. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly exitCode: ExitCode;
  /** A sentence that says what to try, a next step on a line below; empty if nothing is known. */
  readonly hint: string;

  constructor(message: string, options: { exitCode?: ExitCode; hint?: string } = {}) {
    super(message);
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.hint = options.hint ?? '';
  }
}

/** The command line asks for what cannot be. */
export function usageError(message: string, hint = ''): CommandError {
  return new CommandError(message, { exitCode: exitCodes.usage, hint });
}
