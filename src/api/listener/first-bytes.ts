import type { Socket } from 'node:net';

import type { Clock } from '../../runtime/index.ts';

/**
 * Reads from a fresh socket, and shows `decide` all bytes so far until it knows what to do with them:
 * that is done when the reading is over. A socket that ends before that, or has not said enough within
 * `timeoutMs`, is destroyed; one that fails is forgotten.
 */
export function readFirstBytes(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  decide: (head: Buffer) => (() => void) | undefined,
): void {
  let head: Buffer = Buffer.alloc(0);
  const abandon = (): void => void socket.destroy();
  const cancelTimer = clock.schedule(clock.monotonicMs() + timeoutMs, abandon);
  const detach = (): void => {
    cancelTimer();
    socket.off('data', onData).off('end', abandon).off('close', detach);
  };
  const onData = (chunk: Buffer): void => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const then = decide(head);
    if (then === undefined) return;
    detach();
    then();
  };
  socket.on('data', onData).on('end', abandon).on('close', detach);
}

/** Gives bytes that were read back to a socket, which stands still until somebody reads it. */
export function putBack(socket: Socket, head: Buffer): void {
  socket.pause();
  socket.unshift(head);
}
