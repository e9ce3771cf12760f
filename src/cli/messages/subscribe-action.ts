import {
  connect,
  SealpostError,
  type Message,
  type SettleResult,
  type Subscription,
} from '../../client/index.ts';
import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { Refusal } from '../connection/refusal.ts';
import { counted, jsonText, oneLine } from '../output/plain-text.ts';
import { pushedElsewhere } from './pushed-elsewhere.ts';
import { messageJson, textLine, type ReceivedMessage } from './received-message.ts';

/** What is held and not acknowledged; the client allows no more. */
const heldMax = 10_000;
/** For the last acks, when it ends. */
const closeMsMax = 5000;

export const subscribe: Action = async (call, tools) => {
  const source = sourceOf(call, tools);
  const format = formatOf(call, tools);
  const stop = tools.terminal.stopSignal();
  await lookFor(source, tools);
  const client = connect(tools.api.server, { token: () => tools.login.token() });
  const isAcked = !call.flags.isSet('no-ack');
  const max = call.flags.number('max') ?? Infinity;
  const options = isAcked && max > 1000 ? {} : { maxOutstandingMessages: Math.min(max, heldMax) };
  try {
    const subscription = client.subscribe(source, { ...options, signal: stop });
    tellStates(subscription, source, tools);
    const reader = new Reader(tools, format, isAcked);
    await reader.read(subscription, max, stop);
    await client.close({ timeoutMs: closeMsMax });
    await reader.settled();
    reader.tell();
  } catch (error) {
    const asked = { path: source, shown: tools.login.shown };
    const refusal = error instanceof SealpostError ? refusalOf(error, asked) : error;
    const [text = source] = call.arguments;
    throw await pushedElsewhere(refusal, { api: tools.api, subscription: source, text });
  } finally {
    await client.close({ timeoutMs: 0 });
  }
};

/**
 * The client would wait for a server that never was, or for a name with a typing mistake. Whoever may
 * receive need not be one who may look.
 */
async function lookFor(source: string, { api }: Tools): Promise<void> {
  try {
    await api.get(source);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'PERMISSION_DENIED') throw error;
  }
}

const refusalOf = (
  { status, reason, message }: SealpostError,
  asked: { readonly path: string; readonly shown: string },
): Refusal => new Refusal(status, reason, message, asked);

function sourceOf({ arguments: [subscription], flags }: Call, { names }: Tools): string {
  const topic = flags.text('topic');
  if ((subscription === undefined) === (topic === undefined)) {
    throw usageError('Give either SUBSCRIPTION or --topic TOPIC.');
  }
  return topic === undefined ? names.subscription(subscription!) : names.topic(topic);
}

type Format = (message: ReceivedMessage) => string | Uint8Array;

function formatOf({ flags }: Call, { out, terminal }: Tools): Format {
  const given = flags.text('format');
  if (out.isJson && given !== undefined && given !== 'json') {
    throw usageError(`--json and --format ${given} contradict each other.`);
  }
  const isTerminal = terminal.stdout.isTTY;
  if (given === 'raw') return ({ data }) => data;
  if (given === 'json' || out.isJson) return (message) => `${jsonText(messageJson(message))}\n`;
  return (message) => `${textLine(message, isTerminal)}\n`;
}

/** Says when it listens, why it waits, and when it goes on. */
function tellStates(subscription: Subscription, source: string, { out }: Tools): void {
  let isWaiting = false;
  subscription.onStateChange(({ state, error }) => {
    if (state === 'open') {
      out.note(isWaiting ? 'Delivery goes on.' : `Listening to ${source}. Ctrl-C ends it.`);
      isWaiting = false;
    } else if (state === 'waiting' && !isWaiting) {
      isWaiting = true;
      const why = error === undefined ? 'the connection broke.' : oneLine(error.message);
      out.note(`Waiting: ${why}`);
    }
  });
}

/** Writes what arrives, and acknowledges what was written. */
class Reader {
  readonly #tools: Tools;
  readonly #format: Format;
  readonly #isAcked: boolean;
  readonly #writing: Set<Promise<void>> = new Set();
  readonly #settling: Set<Promise<void>> = new Set();
  #count = 0;
  #lateCount = 0;
  #unansweredCount = 0;

  constructor(tools: Tools, format: Format, isAcked: boolean) {
    this.#tools = tools;
    this.#format = format;
    this.#isAcked = isAcked;
  }

  /** Until `max` messages were written, or `stop` aborts. Does not wait for answers to their acks. */
  async read(subscription: Subscription, max: number, stop: AbortSignal): Promise<void> {
    for await (const message of subscription) {
      if (stop.aborted) break;
      const written = this.#take(message).finally(() => this.#writing.delete(written));
      this.#writing.add(written);
      if (this.#writing.size >= max - this.#count) await Promise.all(this.#writing);
      if (this.#count >= max) break;
    }
    await Promise.all(this.#writing);
  }

  /** Every ack has its answer; when the client is closed, it is known which will have none. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling);
  }

  tell(): void {
    const { out } = this.#tools;
    const fate = this.#isAcked ? '' : ', none of them acknowledged';
    out.note(`Received ${counted(this.#count, 'message')}${fate}.`);
    if (this.#lateCount > 0) {
      out.note(`${counted(this.#lateCount, 'message')} may come again: the deadline had passed.`);
    }
    if (this.#unansweredCount > 0) {
      out.note(`${counted(this.#unansweredCount, 'message')} may come again: no ack was answered.`);
    }
  }

  async #take(message: Message): Promise<void> {
    const { id, publishTime, data, attributes, orderingKey } = message;
    const received = {
      messageId: id,
      publishTime: publishTime.toISOString(),
      data,
      attributes,
      orderingKey,
    };
    const isWritten = await this.#tools.out.write(this.#format(received));
    // What no one has read is not done: it comes again.
    if (!isWritten) return;
    this.#count++;
    if (this.#isAcked) this.#watch(message.ack());
  }

  #watch(ack: Promise<SettleResult>): void {
    const settled = ack
      .then(
        (result) => void (result === 'expired' && this.#lateCount++),
        () => void this.#unansweredCount++,
      )
      .finally(() => this.#settling.delete(settled));
    this.#settling.add(settled);
  }
}
