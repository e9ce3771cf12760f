import type { Http2Session } from 'node:http2';

import { connectionReset, type Cancel, type Clock } from '../../runtime/index.ts';
import { flushMs } from '../unsent-answers.ts';

/** How long a quiet connection is believed in, and how long its client may then say nothing. */
export interface KeepAliveTimes {
  readonly quietMs: number;
  readonly answerMs: number;
}

/**
 * Resets a connection whose other end is gone, or takes nothing and says nothing, which TCP may
 * not notice for hours. Asked by ping; any byte is an answer, since one may queue behind others.
 */
export function keepAlive(session: Http2Session, clock: Clock, times: KeepAliveTimes): void {
  let cancel: Cancel | undefined;
  const after = (ms: number, task: () => void): void => {
    cancel?.();
    if (!session.destroyed) cancel = clock.schedule(clock.monotonicMs() + ms, task);
  };
  const reset = resetOf(session);
  const rest = (): void => after(times.quietMs, ask);
  const listen = (bytes: number): void =>
    after(times.answerMs, () => {
      if (session.destroyed) return;
      const { bytesRead } = session.socket;
      if (bytesRead === bytes) reset();
      else listen(bytesRead);
    });
  const ask = (): void => {
    if (session.destroyed) return;
    listen(session.socket.bytesRead);
    session.ping((error) => {
      if (error === null) rest();
    });
  };
  session.once('close', () => cancel?.());
  rest();
}

/** Sessions that are asked already: a session takes ten pings at a time, and one tells as much. */
const asked = new WeakSet<Http2Session>();

/** Resets the connection unless its client has taken all that it was sent so far, very soon. */
export function flushOrReset(session: Http2Session, clock: Clock): void {
  if (session.destroyed || asked.has(session)) return;
  asked.add(session);
  const cancel = clock.schedule(clock.monotonicMs() + flushMs, resetOf(session));
  session.once('close', cancel);
  session.ping((error) => {
    if (error !== null) return;
    asked.delete(session);
    session.off('close', cancel);
    cancel();
  });
}

/** A session's own destroy waits for what its socket is writing, for ever if nobody reads. */
const resetOf = (session: Http2Session): (() => void) => connectionReset(session.socket);
