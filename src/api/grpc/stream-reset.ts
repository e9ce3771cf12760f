import { constants, type Http2Session, type Http2Stream } from 'node:http2';

import type { Clock } from '../../runtime/index.ts';
import { flushMs } from '../unsent-answers.ts';

/** grpc-js offers no reset; the call of a server without interceptors holds the HTTP/2 stream. */
export const streamOf = (call: object): Http2Stream =>
  (call as { call: { stream: Http2Stream } }).call.stream;

/**
 * Drops what a stream has not sent. What its socket was already handed still goes to a client that
 * reads on; one that does not, and so answers no ping, loses its connection.
 */
export function cutStream(stream: Http2Stream, clock: Clock): void {
  const { session } = stream;
  // INTERNAL is the one code that every client answers by reopening.
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  if (session !== undefined && !session.destroyed) probe(session, clock);
}

/** Sessions with a ping under way: a session takes ten at a time, and one tells as much. */
const probed = new WeakSet<Http2Session>();

function probe(session: Http2Session, clock: Clock): void {
  if (probed.has(session)) return;
  probed.add(session);
  // A session's own destroy waits for what its socket is writing.
  const cancel = clock.schedule(clock.monotonicMs() + flushMs, () => {
    session.socket.resetAndDestroy();
  });
  session.once('close', cancel);
  session.ping((error) => {
    if (error !== null) return;
    probed.delete(session);
    session.off('close', cancel);
    cancel();
  });
}
