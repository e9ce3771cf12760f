import type { Socket } from 'node:net';

import type { WebSocket } from 'ws';

import { resetConnection } from '../../runtime/index.ts';
import type { UnsentAnswers } from '../unsent-answers.ts';
import { FrameBatch } from './frame-batch.ts';
import type { OutgoingFrame } from './frames.ts';

/** Smaller frames gain nothing by compression. */
const compressFromBytes = 1_024;

/** Opened messages of one subscription that the system has not taken over yet. */
interface Unsent {
  /** Count of payload bytes at which the last of them ends. */
  end: number;
  readonly settle: () => void;
}

/** What one connection sends: one write a turn, counted until the system takes it over. */
export class Outbox {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #batch: FrameBatch;
  readonly #isBinary: boolean;
  readonly #isCompressed: boolean;
  readonly #unsentAnswers: UnsentAnswers;
  readonly #onProgress: () => void;
  readonly #onFrame: (bytes: number) => void;
  readonly #unsent: Map<string, Unsent> = new Map();
  #isScheduled = false;
  #addedBytes = 0;

  constructor(
    ws: WebSocket,
    socket: Socket,
    options: {
      readonly isBinary: boolean;
      readonly unsent: UnsentAnswers;
      /** The system took something over. */
      readonly onProgress: () => void;
      /** Told of each frame's payload bytes. */
      readonly onFrame: (bytes: number) => void;
    },
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.#isBinary = options.isBinary;
    this.#batch = new FrameBatch(options.isBinary);
    this.#isCompressed = ws.extensions !== '';
    this.#unsentAnswers = options.unsent;
    this.#onProgress = options.onProgress;
    this.#onFrame = options.onFrame;
  }

  /** Bytes that the system has not taken over, framing included as far as it was done. */
  get unsentBytes(): number {
    return this.#batch.payloadBytes + this.#ws.bufferedAmount;
  }

  add(frame: OutgoingFrame): void {
    const bytes = this.#batch.add(frame);
    this.#addedBytes += bytes;
    this.#onFrame(bytes);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // After all promises that one commit settles, so that their answers share a write.
    process.nextTick(this.flush);
  }

  /** As `add`; should the subscription's key be revoked before it is sent, the rest is cut off. */
  addOpened(frame: OutgoingFrame, subscription: string): void {
    this.add(frame);
    const known = this.#unsent.get(subscription);
    if (known !== undefined) {
      known.end = this.#addedBytes;
      return;
    }
    const settle = this.#unsentAnswers.add(subscription, () => resetConnection(this.#socket));
    this.#unsent.set(subscription, { end: this.#addedBytes, settle });
  }

  readonly flush = (): void => {
    this.#isScheduled = false;
    if (this.#batch.payloadBytes === 0) return;
    if (this.#ws.readyState !== this.#ws.OPEN) {
      this.#batch.takeFrames();
      return;
    }
    if (this.#isCompressed) this.#sendCompressed();
    else this.#socket.write(this.#batch.takeBytes(), this.#written);
  };

  /** The connection is over: nothing of it can be sent any more. */
  close(): void {
    this.#batch.takeFrames();
    for (const { settle } of this.#unsent.values()) settle();
    this.#unsent.clear();
  }

  #sendCompressed(): void {
    this.#socket.cork();
    for (const frame of this.#batch.takeFrames()) {
      const compress = frame.length >= compressFromBytes;
      this.#ws.send(frame, { binary: this.#isBinary, compress }, this.#written);
    }
    this.#socket.uncork();
  }

  readonly #written = (): void => {
    const unsent = this.unsentBytes;
    // Compressed, what waits says nothing of how much of what was added it is.
    const sent = this.#isCompressed && unsent > 0 ? 0 : this.#addedBytes - unsent;
    for (const [subscription, { end, settle }] of this.#unsent) {
      if (end > sent) continue;
      settle();
      this.#unsent.delete(subscription);
    }
    this.#onProgress();
  };
}
