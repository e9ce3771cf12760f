import type { Socket } from 'node:net';

import type { Clock } from '../../runtime/index.ts';
import { putBack, readFirstBytes } from './first-bytes.ts';

export type Protocol = 'http1' | 'http2';

/**
 * The client connection preface of HTTP/2 (RFC 9113, 3.4). All of it is waited for: an HTTP/2
 * session has no limit of time for the rest, and would hold half of one for ever.
 */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** The protocol that `head` begins, or undefined while it could be either. */
export function protocolOf(head: Uint8Array): Protocol | undefined {
  const length = Math.min(head.length, preface.length);
  for (let i = 0; i < length; i++) if (head[i] !== preface[i]) return 'http1';
  return length === preface.length ? 'http2' : undefined;
}

/**
 * Reads from a fresh socket until its protocol is known, puts the bytes back and hands it over. A
 * socket that says nothing within `timeoutMs` is destroyed; one that fails or ends is forgotten.
 */
export function sniffProtocol(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  handOver: (protocol: Protocol) => void,
): void {
  readFirstBytes(socket, clock, timeoutMs, (head) => {
    const protocol = protocolOf(head);
    if (protocol === undefined) return undefined;
    return () => {
      putBack(socket, head);
      handOver(protocol);
      // HTTP/2 reads the put-back bytes itself; HTTP/1 waits for the socket to flow again.
      if (protocol === 'http1') socket.resume();
    };
  });
}
