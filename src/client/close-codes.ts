import type { ConnectionEnd } from './connection.ts';
import { SealpostError } from './sealpost-error.ts';
import { isRetried, statusOf, type Status } from './status.ts';

/** The server adds google.rpc.Code to this where a session fails for a reason of ours. */
const codeBase = 4000;
/** The reason where the client itself is at fault. */
export const protocolError = 'PROTOCOL_ERROR';

/** The reason where another client has resumed the session: it is that one's now. */
export const sessionTakenOver = 'SESSION_TAKEN_OVER';

/** Close codes (RFC 6455, 7.4) that say that this client breaks the protocol. */
const brokenRules: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009, 1010]);
const standardReasons: Readonly<Record<number, string>> = {
  1001: 'GOING_AWAY',
  1006: 'CONNECTION_BROKEN',
  1012: 'SERVICE_RESTART',
  1013: 'TRY_AGAIN_LATER',
};

/** The end of a connection as an error. The server's words are `REASON: text`. */
export function errorOfClose({ code, reason: words }: ConnectionEnd): SealpostError {
  const [, reason, text] = /^([A-Z][A-Z0-9_]+): (.*)$/s.exec(words) ?? [];
  const message = text ?? (words || `The connection ended with ${code}.`);
  if (code > codeBase && code < codeBase + 100) {
    return new SealpostError(statusOf(code - codeBase), reason ?? 'SESSION_ENDED', message);
  }
  if (brokenRules.has(code)) return new SealpostError('INVALID_ARGUMENT', protocolError, message);
  const known = reason ?? standardReasons[code] ?? 'CONNECTION_CLOSED';
  return new SealpostError('UNAVAILABLE', known, message);
}

/** Whether another connection may fare better with the same session. */
export function isWorthResuming(status: Status): boolean {
  return isRetried(status) || status === 'INTERNAL' || status === 'UNKNOWN';
}
