import { constants, type Http2Stream } from 'node:http2';

import type { Clock } from '../../runtime/index.ts';
import { flushOrReset } from './session-ping.ts';

/** grpc-js offers no reset; the call of a server without interceptors holds the HTTP/2 stream. */
export const streamOf = (call: object): Http2Stream =>
  (call as { call: { stream: Http2Stream } }).call.stream;

/**
 * Drops what a stream has not sent. What its socket was already handed still goes to a client that
 * reads on; one that does not loses its connection.
 */
export function cutStream(stream: Http2Stream, clock: Clock): void {
  const { session } = stream;
  // INTERNAL is the one code that every client answers by reopening.
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  if (session !== undefined) flushOrReset(session, clock);
}
