import type { Socket } from 'node:net';

import type { Clock } from '../../runtime/index.ts';
import { putBack, readFirstBytes } from './first-bytes.ts';

/** The content type of a handshake record (RFC 8446, 5.1), with which every client begins. */
const handshakeRecord = 0x16;

/** For a client that does not read why it was refused. */
const refusalMs = 1_000;

const text = 'This port speaks TLS: use https.\n';
const refusal = [
  'HTTP/1.1 400 Bad Request',
  'content-type: text/plain; charset=UTF-8',
  `content-length: ${text.length}`,
  'connection: close',
  '',
  text,
].join('\r\n');

/**
 * Looks at the first byte of a fresh connection, puts it back and hands the connection over if it
 * begins TLS; else answers in the words of HTTP, and closes. One that says nothing within
 * `timeoutMs` is destroyed.
 */
export function sniffTls(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  handOver: () => void,
): void {
  readFirstBytes(socket, clock, timeoutMs, (head) => () => {
    if (head[0] !== handshakeRecord) return refusePlain(socket, clock);
    putBack(socket, head);
    handOver();
  });
}

function refusePlain(socket: Socket, clock: Clock): void {
  const cancel = clock.schedule(clock.monotonicMs() + refusalMs, () => socket.destroy());
  socket.once('close', cancel);
  // What is still to come is dropped: with it unread, the answer would be lost to a reset.
  socket.resume();
  socket.once('end', () => socket.destroySoon());
  socket.end(refusal);
}
