import { CommandError } from '../command/command-error.ts';
import type { Tools } from '../command/tools.ts';
import { counted, grouped, roughly, sentence } from '../output/plain-text.ts';
import type { BatchPublisher } from './batch-publisher.ts';
import type { MessageSender } from './message-sender.ts';

/** Work that is over before needs no progress. */
const quietMs = 1000;
const redrawMs = 250;

/** Says what was published and what was not: while it goes on, and at its end. */
export class PublishReport {
  skippedCount = 0;
  /** The line that could not be understood, and what was read behind it. */
  droppedCount = 0;
  /** Bytes were read that no delimiter ended. */
  hasUnfinished = false;
  /** The messages come from standard input: how many were lost is worth telling. */
  isInputRead = false;
  /** Why the input was read no further. */
  inputFailure: unknown;
  readonly #topic: string;
  readonly #tools: Tools;
  readonly #startMs: number;
  #publisher: BatchPublisher | undefined;
  #sender: MessageSender | undefined;
  #shownMs = 0;

  constructor(topic: string, tools: Tools) {
    this.#topic = topic;
    this.#tools = tools;
    this.#startMs = tools.clock.monotonicMs();
  }

  watch(publisher: BatchPublisher, sender: MessageSender): void {
    this.#publisher = publisher;
    this.#sender = sender;
  }

  /** One line that is drawn again and again, for a person who waits. */
  showProgress(): void {
    const { terminal, clock } = this.#tools;
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - this.#startMs;
    // It would be drawn over the line that is being typed.
    if (!terminal.stderr.isTTY || terminal.stdin.isTTY) return;
    if (elapsedMs < quietMs || nowMs < this.#shownMs + redrawMs) return;
    this.#shownMs = nowMs;
    const rate = grouped(Math.round((this.#published / elapsedMs) * 1000));
    terminal.stderr.write(`\r\u001B[KPublished ${counted(this.#published, 'message')}, ${rate}/s`);
  }

  /** The server is away, or, with undefined, it is back. */
  tellWaiting(error: Error | undefined, giveUpMs: number): void {
    this.#endProgress();
    const { out } = this.#tools;
    if (error === undefined) return out.note('Publishing goes on.');
    out.note(`${error.message} Trying again for ${roughly(giveUpMs)}; Ctrl-C gives up sooner.`);
  }

  /** For a second Ctrl-C: what has no answer may be published or not. */
  lastWords(): string {
    this.#endProgress();
    const unknown = this.#added - this.#published;
    return `Published ${counted(this.#published, 'message')}; ${grouped(unknown)} more have no answer.\n`;
  }

  /** The end. Throws CommandError if something that was read is not published. */
  tell(): void {
    this.#endProgress();
    const { out } = this.#tools;
    for (const line of this.#remarks()) out.note(line);
    const failure = this.#failure();
    if (failure !== undefined) throw failure;
    if (!out.isJson)
      out.line(`Published ${counted(this.#published, 'message')} to ${this.#topic}.`);
  }

  get #published(): number {
    return this.#publisher?.publishedCount ?? 0;
  }

  get #added(): number {
    return this.#publisher?.addedCount ?? 0;
  }

  #remarks(): string[] {
    const repeated = this.#sender?.repeatedCount ?? 0;
    return [
      ...(this.skippedCount > 0 ? [`Skipped ${counted(this.skippedCount, 'empty line')}.`] : []),
      ...(repeated > 0
        ? [
            `Sent ${counted(repeated, 'message')} again, as an answer was lost; they may be there twice.`,
          ]
        : []),
    ];
  }

  #failure(): CommandError | undefined {
    const cause = this.#publisher?.failure ?? this.inputFailure;
    const unfinished = this.hasUnfinished ? 1 : 0;
    const lost = this.#added - this.#published + this.droppedCount + unfinished;
    if (cause === undefined && lost === 0) return undefined;
    const why = cause === undefined ? 'The last line was not finished.' : sentence(textOf(cause));
    const count = `Published ${counted(this.#published, 'message')}; ${grouped(lost)} that ${lost === 1 ? 'was read is' : 'were read are'} not.`;
    const known = cause instanceof CommandError ? cause : undefined;
    const text = this.isInputRead ? `${why} ${count}` : why;
    if (known === undefined) return new CommandError(text);
    return new CommandError(text, { exitCode: known.exitCode, hint: known.hint });
  }

  #endProgress(): void {
    if (this.#shownMs > 0) this.#tools.terminal.stderr.write('\r\u001B[K');
    this.#shownMs = 0;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
