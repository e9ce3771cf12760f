import { CommandError } from '../command/command-error.ts';
import { exitCodeOf, exitCodes } from '../command/exit-codes.ts';
import { keyRemedy } from './key-remedy.ts';
import { oneLine } from '../output/plain-text.ts';

/** The server said no: its code, its reason if it named one, its own sentence. */
export class Refusal extends CommandError {
  override name = 'Refusal';
  readonly code: string;
  readonly reason: string;

  constructor(code: string, reason: string, message: string) {
    super(`${code}: ${oneLine(message)}`, {
      exitCode: exitCodeOf(code),
      hint: hintOf(code, reason, message),
    });
    this.code = code;
    this.reason = reason;
  }

  /** Whether the same request may succeed in a moment. */
  get isPassing(): boolean {
    return ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED', 'RESOURCE_EXHAUSTED'].includes(
      this.code,
    );
  }
}

/** No answer: nobody listens, the name is unknown, the connection broke, time ran out. */
export class Unreachable extends CommandError {
  override name = 'Unreachable';
  readonly isPassing = true;
  /** Nothing was sent: no connection came about. */
  readonly isUnsent: boolean;

  constructor(server: string, why: string, isUnsent: boolean = false) {
    super(`${server} ${why}.`, {
      exitCode: exitCodes.unreachable,
      hint: 'Is the server running? Start it with: npm start',
    });
    this.isUnsent = isUnsent;
  }
}

const hints: Readonly<Record<string, string>> = {
  KEY_PRIMARY_VERSION_MISSING: 'Make a version primary: sealpost keys versions primary KEY VERSION',
  HOST_NOT_ALLOWED: 'Start the server with --public-host and this name.',
};

const hintsByCode: Readonly<Record<string, string>> = {
  NOT_FOUND:
    'Look for it with: sealpost topics list, sealpost subscriptions list, sealpost keys list',
  FAILED_PRECONDITION: 'sealpost doctor says what stands in the way.',
  UNAVAILABLE: 'Try again in a moment.',
  RESOURCE_EXHAUSTED: 'Try again in a moment.',
  ABORTED: 'Try again.',
};

function hintOf(code: string, reason: string, message: string): string {
  const remedy = keyRemedy(message);
  if (remedy !== undefined) return `Try: ${remedy}`;
  return hints[reason] ?? hintsByCode[code] ?? '';
}

/** google.rpc.Status in the JSON of an answer that is no success. */
export function refusalOf(status: number, body: unknown): Refusal {
  const { error } = (body ?? {}) as {
    error?: { status?: unknown; message?: unknown; details?: unknown };
  };
  if (typeof error?.status !== 'string') {
    return new Refusal(status === 404 ? 'UNIMPLEMENTED' : 'UNKNOWN', '', unexpected(status));
  }
  const details = Array.isArray(error.details) ? (error.details as { reason?: unknown }[]) : [];
  const reason = details.map((detail) => detail.reason).find((each) => typeof each === 'string');
  return new Refusal(error.status, reason ?? '', String(error.message));
}

const unexpected = (status: number): string =>
  `the answer is HTTP ${status} and no Sealpost answer. Is another program, or an older Sealpost, at this address?`;

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'broke the connection',
  EPIPE: 'broke the connection',
  UND_ERR_SOCKET: 'broke the connection',
  ENOTFOUND: 'has a name that no address is known for',
  EAI_AGAIN: 'has a name that cannot be looked up now',
  ETIMEDOUT: 'does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
};

/** What a failed connection means, from the error codes that Node gives. */
export function unreachable(server: string, error: unknown): Unreachable {
  const code = codeOf(error);
  const why = causes[code] ?? `cannot be reached (${code})`;
  return new Unreachable(server, why, code === 'ECONNREFUSED');
}

function codeOf(error: unknown): string {
  const { cause, code, errors } = error as { cause?: unknown; code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  if (cause !== undefined) return codeOf(cause);
  if (errors?.[0] !== undefined) return codeOf(errors[0]);
  return error instanceof Error ? oneLine(error.message) : 'unknown';
}
