import { RpcError, statusTable } from '../rpc/index.ts';

/** The end of a WebSocket session as its close frame tells it (RFC 6455, 5.5.1). */
export interface SessionClose {
  readonly code: number;
  /** `REASON: text`, at most 123 bytes of UTF-8. */
  readonly reason: string;
}

/** Conditions of the transport have RFC 6455's own numbers (7.4.1), here by our reason. */
export const transportCloses: Readonly<Record<string, number>> = {
  DRAINING: 1001,
  WRONG_FRAME_KIND: 1003,
  INTERNAL: 1011,
  REQUEST_BYTES_EXHAUSTED: 1013,
};

/**
 * What `ws` closes with by itself where a client breaks the rules of WebSocket, by its error's code;
 * all others that begin so are 1002.
 */
export const violationCloses: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  Z_DATA_ERROR: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** Codes of a client that is done for good; after any other its session waits for it. */
const farewells: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** What a connection that broke without a close frame is counted as (RFC 6455, 7.4.1). */
export const brokenConnection = 1006;

/** 4000 + google.rpc.Code for all that is not a condition of the transport. */
const codesBase = 4000;
const reasonBytesMax = 123;

/** How whatever was thrown ends a session. */
export function closeOf(thrown: unknown): SessionClose {
  const { code, reason, message } = RpcError.from(thrown);
  return {
    code: transportCloses[reason] ?? codesBase + statusTable[code].number,
    reason: cut(`${reason}: ${message}`.toWellFormed()),
  };
}

/** Undefined for what is no client's fault, such as a connection that broke. */
export function closeOfViolation(errorCode: string): number | undefined {
  return violationCloses[errorCode] ?? (errorCode.startsWith('WS_ERR_') ? 1002 : undefined);
}

/** True if a client that closes with this code does not mean to come back. */
export function isFarewell(code: number): boolean {
  return farewells.has(code);
}

/** The longest beginning that fits, in whole characters. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= reasonBytesMax) return text;
  let end = reasonBytesMax;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
