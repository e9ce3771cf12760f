/** What the WebSocket side reports about itself; `metrics` has the same methods. */
export interface WebSocketObserver {
  /** A connection said hello and was welcomed. */
  connected(subprotocol: string, isResumed: boolean): void;
  /** `closeCode` as it was sent or received; 1006 when the connection broke. */
  disconnected(subprotocol: string, closeCode: number): void;
  /** An upgrade was refused with this HTTP status. */
  refused(status: number): void;
  /** A frame of so many bytes came in, before it is understood. */
  received(bytes: number): void;
  sent(bytes: number): void;
  /** Reading was stopped: too many requests without answer, or too many bytes unread. */
  held(cause: 'requests' | 'unread'): void;
  /** Streams, and sessions that wait for their client to come back, now. */
  streamCount(open: number): void;
  detachedCount(sessions: number): void;
}
