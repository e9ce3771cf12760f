import { pause } from '../../runtime/index.ts';
import type { Tools } from '../command/tools.ts';
import type { MessageSender } from '../messages/message-sender.ts';
import { counted, grouped } from '../output/plain-text.ts';
import type { MessageSource } from './message-source.ts';
import { publishRequests, replayedMessage } from './replayed-message.ts';

interface CopyOptions extends Pick<Tools, 'clock' | 'terminal'> {
  readonly source: MessageSource;
  readonly sender: MessageSender;
  readonly stop: AbortSignal;
  readonly subscription: string;
}

/** Both may be Infinity. */
export interface CopyLimits {
  /** Messages a second. */
  readonly rate: number;
  readonly max: number;
}

export interface CopyEnd {
  readonly count: number;
  readonly repeatedCount: number;
  readonly failure: unknown;
  readonly isStopped: boolean;
  readonly resume: string | undefined;
}

const batchMax = 100;
const redrawMs = 250;

/**
 * Batch by batch from a source to a topic: one is taken when the one before it is durable, so that
 * memory is bounded and the order of each key stays. It takes no more messages than were there when
 * it began: what comes back meanwhile, such as dead letters that die again, is for the next time.
 */
export class CopyRun {
  readonly #options: CopyOptions;
  #count = 0;
  #isEmpty = false;
  #shownMs = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  async run(limits: CopyLimits): Promise<CopyEnd> {
    const { source, stop } = this.#options;
    let failure: unknown;
    let isWhole = false;
    try {
      isWhole = await this.#copy(limits);
      if (isWhole) await source.finish();
    } catch (error) {
      failure = error;
      await source.undone().catch(() => undefined);
    }
    this.#endProgress();
    return {
      count: this.#count,
      repeatedCount: this.#options.sender.repeatedCount,
      failure,
      isStopped: stop.aborted && !isWhole,
      resume: isWhole ? undefined : source.resume,
    };
  }

  /** True if there is no more; false if it was stopped, or as many were asked for. */
  async #copy({ rate, max }: CopyLimits): Promise<boolean> {
    const { source, clock, stop } = this.#options;
    const total = Math.min(max, source.total);
    const startMs = clock.monotonicMs();
    while (this.#count < total) {
      if (stop.aborted) return false;
      const wanted = Math.min(batchMax, Math.max(1, rate), total - this.#count);
      await this.#copyBatch(wanted);
      if (this.#isEmpty) break;
      this.#showProgress(total);
      const dueMs = startMs + (this.#count * 1_000) / rate;
      if (this.#count < total) await pause(clock, dueMs - clock.monotonicMs(), stop);
    }
    return this.#count >= source.total || this.#isEmpty;
  }

  async #copyBatch(max: number): Promise<void> {
    const { source, sender, subscription } = this.#options;
    const messages = await source.next(max);
    this.#isEmpty = messages.length === 0;
    if (this.#isEmpty) return;
    const outgoing = messages.map((message) => replayedMessage(message, subscription));
    for (const request of publishRequests(outgoing)) await sender.send(request);
    await source.done();
    this.#count += messages.length;
  }

  /** One line that is drawn again and again, for a person who waits. */
  #showProgress(total: number): void {
    const { terminal, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!terminal.stderr.isTTY || nowMs < this.#shownMs + redrawMs) return;
    this.#shownMs = nowMs;
    const text = `Published ${counted(this.#count, 'message')} of ${grouped(total)}`;
    terminal.stderr.write(`\r\u001B[K${text}`);
  }

  #endProgress(): void {
    if (this.#shownMs > 0) this.#options.terminal.stderr.write('\r\u001B[K');
    this.#shownMs = 0;
  }
}
