import { createHash } from 'node:crypto';

import { RpcError } from '../../rpc/index.ts';
import { draw, type Cancel } from '../../runtime/index.ts';
import type { Connection } from './connection.ts';
import type { HelloFrame } from './frames.ts';
import { webSocketLimits as limits } from './limits.ts';
import type { SessionCaller } from './caller/session-caller.ts';
import { Session, type SessionHost } from './session.ts';
import type { Surroundings } from './surroundings.ts';

/** Random bytes of a session's id: who can name it can resume it. */
const idBytes = 24;

/** A session that waits for its client to come back. */
interface Detached {
  readonly bytes: number;
  readonly cancelEnd: Cancel;
}

/** All sessions, those that wait for their client too. */
export class SessionRegistry implements SessionHost {
  readonly #surroundings: Surroundings;
  /** By the hash of the id: how long a look-up takes says nothing about any id. */
  readonly #sessions: Map<string, Session> = new Map();
  /** Oldest first. */
  readonly #detached: Map<Session, Detached> = new Map();
  #detachedBytes = 0;
  #streamCount = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Begins the session that a hello asks for, or resumes it. Throws PERMISSION_DENIED. */
  admit(connection: Connection, hello: HelloFrame, caller: SessionCaller): void {
    const former = this.#sessions.get(hashOf(hello.sessionId));
    if (former !== undefined) {
      if (!former.caller.isSame(caller)) throw foreignSession();
      this.#reattached(former);
      former.attach(connection, caller, hello.positions);
      return;
    }
    const id = Buffer.from(draw(this.#surroundings.entropy, idBytes)).toString('base64url');
    const session = new Session(id, caller, this.#surroundings, this);
    this.#sessions.set(hashOf(id), session);
    session.attach(connection, caller, null);
  }

  drain(): void {
    for (const session of this.#sessions.values()) session.drain();
  }

  streamsChanged(change: number): void {
    this.#streamCount += change;
    this.#surroundings.observer.streamCount(this.#streamCount);
  }

  detached(session: Session): void {
    const { clock } = this.#surroundings;
    const cancelEnd = clock.schedule(clock.monotonicMs() + limits.resumeMs, () => session.end());
    const bytes = session.rememberedBytes;
    this.#detachedBytes += bytes;
    this.#detached.set(session, { bytes, cancelEnd });
    this.#endOldest();
    this.#surroundings.observer.detachedCount(this.#detached.size);
  }

  ended(session: Session): void {
    this.#reattached(session);
    this.#sessions.delete(hashOf(session.id));
  }

  #reattached(session: Session): void {
    const detached = this.#detached.get(session);
    if (detached === undefined) return;
    detached.cancelEnd();
    this.#detachedBytes -= detached.bytes;
    this.#detached.delete(session);
    this.#surroundings.observer.detachedCount(this.#detached.size);
  }

  #endOldest(): void {
    for (const session of this.#detached.keys()) {
      const isWithin = this.#detachedBytes <= limits.detachedBytesMax;
      if (this.#detached.size <= limits.detachedMax && isWithin) return;
      session.end();
    }
  }
}

const hashOf = (id: string): string => createHash('sha256').update(id).digest('base64');

const foreignSession = (): RpcError =>
  new RpcError('PERMISSION_DENIED', 'SESSION_OF_ANOTHER', 'The session belongs to someone else.');
