import type { ConnectionEnd } from './connection.ts';
import { SealpostError } from './sealpost-error.ts';
import { isRetried, statusOf, type Status } from './status.ts';

/** The server adds google.rpc.Code to this where a session fails for a reason of ours. */
const codeBase = 4000;
/** The reason where the client itself is at fault. */
export const protocolError = 'PROTOCOL_ERROR';

/** Close codes (RFC 6455, 7.4) that say that this client breaks the protocol. */
const brokenRules: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009, 1010]);
const standardReasons: Readonly<Record<number, string>> = {
  1001: 'GOING_AWAY',
  1006: 'CONNECTION_BROKEN',
  1012: 'SERVICE_RESTART',
  1013: 'TRY_AGAIN_LATER',
};

/** The end of a connection as an error. */
export function errorOfClose({ code, reason }: ConnectionEnd): SealpostError {
  if (code > codeBase && code < codeBase + 100) {
    const status = statusOf(code - codeBase);
    return new SealpostError(status, 'SESSION_REFUSED', reason || `The session ended: ${status}.`);
  }
  if (brokenRules.has(code)) {
    const message = reason || `The server closed the connection with ${code}.`;
    return new SealpostError('INVALID_ARGUMENT', protocolError, message);
  }
  const message = reason || `The connection ended with ${code}.`;
  return new SealpostError('UNAVAILABLE', standardReasons[code] ?? 'CONNECTION_CLOSED', message);
}

/** Whether another connection may fare better with the same session. */
export function isWorthResuming(status: Status): boolean {
  return isRetried(status) || status === 'INTERNAL' || status === 'UNKNOWN';
}
