/** Where WebSocket is spoken. */
export const webSocketPath = '/v1/websocket';

/** A subprotocol entry that carries a browser token instead of naming a protocol. */
export const tokenEntryPrefix = 'sealpost.token.';

/** What one session may hold, ask and keep waiting. */
export interface WebSocketLimits {
  /** A publish of 10,000,000 bytes with the frame around it; also the most after inflation. */
  readonly frameBytesMax: number;
  /** Fragments of one message, and pieces of it as they came off the wire. */
  readonly fragmentsMax: number;
  /** From the upgrade to the whole first frame. */
  readonly helloTimeoutMs: number;
  /** Between pings. */
  readonly keepAliveMs: number;
  /** From a ping to a byte of the client's, at least. */
  readonly answerTimeoutMs: number;
  /** From the first byte of a message to its last, give or take a ping. */
  readonly messageTimeoutMs: number;
  /** Requests without answer; there the session reads no further. */
  readonly requestsMax: number;
  readonly streamsMax: number;
  readonly ephemeralSubscriptionsMax: number;
  /** Of one stream, the default and the most. */
  readonly outstandingMessagesMax: number;
  readonly outstandingBytesMax: number;
  readonly ackIdCharsMax: number;
  /** Bytes that may wait for a client to take them, and where those who wait for room go on. */
  readonly unsentBytesMax: number;
  readonly unsentBytesResume: number;
  /** Messages and answers that a client has not confirmed, and their bytes: here it is asked to. */
  readonly unconfirmedAsk: number;
  readonly unconfirmedBytesAsk: number;
  /** Here delivery waits, and the oldest answers are forgotten. */
  readonly unconfirmedMax: number;
  /** For a client to confirm what was sent before a key was revoked, or be cut off. */
  readonly revokedFlushMs: number;
  /** How long a session outlives its connection. */
  readonly resumeMs: number;
  readonly detachedMax: number;
  /** What all detached sessions together remember, about. */
  readonly detachedBytesMax: number;
  /** For the other side's close frame once ours was sent. */
  readonly closeTimeoutMs: number;
}

export const webSocketLimits: WebSocketLimits = {
  frameBytesMax: 10 * 1024 * 1024 + 64 * 1024,
  fragmentsMax: 16_384,
  helloTimeoutMs: 10_000,
  keepAliveMs: 15_000,
  answerTimeoutMs: 30_000,
  messageTimeoutMs: 60_000,
  requestsMax: 1_000,
  streamsMax: 100,
  ephemeralSubscriptionsMax: 16,
  outstandingMessagesMax: 10_000,
  outstandingBytesMax: 64 * 1024 * 1024,
  ackIdCharsMax: 1_024,
  unsentBytesMax: 512 * 1024,
  unsentBytesResume: 128 * 1024,
  unconfirmedAsk: 1_000,
  unconfirmedBytesAsk: 1024 * 1024,
  unconfirmedMax: 10_000,
  revokedFlushMs: 500,
  resumeMs: 60_000,
  detachedMax: 1_000,
  detachedBytesMax: 64 * 1024 * 1024,
  closeTimeoutMs: 5_000,
};
