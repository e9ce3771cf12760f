import { type Entropy, SystemEntropy } from '../../runtime/index.ts';
import type { TransformLimits } from '../limits.ts';
import { CpuMeter } from '../sandbox/cpu-meter.ts';
import { type CallEnd, Sandbox, UdfRefusal } from '../sandbox/sandbox.ts';
import { readAnswer } from '../sandbox/udf-answer.ts';
import type { TransformableMessage } from '../transform.ts';
import type { SignOfLife } from './sign-of-life.ts';
import { type Turn, type TurnEnd, type UdfOutcome, unpacked } from './turn.ts';

/** After so long the others have their turn. */
const turnMs = 20;
/** Machines that are kept; each takes some megabytes and a range of addresses. */
const sandboxesMax = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Does the turns of one thread, each function in its own machine. */
export class TurnWork {
  readonly #limits: TransformLimits;
  readonly #life: SignOfLife;
  readonly #meter: CpuMeter;
  readonly #turnMeter: CpuMeter = new CpuMeter(turnMs, () => undefined);
  readonly #entropy: Entropy = new SystemEntropy();
  /** The least recently used first; a refusal is kept, too. */
  readonly #loaded = new Map<number, Sandbox | UdfRefusal>();

  constructor(limits: TransformLimits, life: SignOfLife) {
    this.#limits = limits;
    this.#life = life;
    this.#meter = new CpuMeter(limits.callMs, () => life.beat());
  }

  async perform(turn: Turn): Promise<TurnEnd> {
    this.#turnMeter.begin();
    try {
      return await this.#outcomes(turn);
    } finally {
      turn.messages.bytes.fill(0);
      this.#life.at('idle');
    }
  }

  forget(id: number): void {
    this.#loaded.delete(id);
  }

  async #outcomes(turn: Turn): Promise<TurnEnd> {
    const outcomes: UdfOutcome[] = [];
    let madeBytes = 0;
    for (const [index, message] of unpacked(turn.messages).entries()) {
      const isMuch = madeBytes > this.#limits.madeBytesMax;
      if (outcomes.length > 0 && (isMuch || this.#turnMeter.isOver())) break;
      const sandbox = await this.#sandbox(turn);
      if (sandbox instanceof UdfRefusal) return { refusal: sandbox.message, outcomes };
      this.#life.at(index);
      const outcome = this.#call(sandbox, message);
      outcomes.push(outcome);
      if (outcome.kind === 'transformed') madeBytes += outcome.data.length;
      if (sandbox.isSpent) this.#loaded.delete(turn.id);
    }
    if (turn.messages.lengths.length > 0) return { refusal: null, outcomes };
    const sandbox = await this.#sandbox(turn);
    return { refusal: sandbox instanceof UdfRefusal ? sandbox.message : null, outcomes };
  }

  async #sandbox({ id, udf }: Turn): Promise<Sandbox | UdfRefusal> {
    const known = this.#loaded.get(id);
    this.#loaded.delete(id);
    const sandbox = known ?? (await this.#load(udf));
    this.#loaded.set(id, sandbox);
    const [oldest] = this.#loaded.keys();
    if (this.#loaded.size > sandboxesMax) this.#loaded.delete(oldest!);
    return sandbox;
  }

  async #load(udf: Turn['udf']): Promise<Sandbox | UdfRefusal> {
    this.#life.at('loading');
    try {
      return await Sandbox.load(udf, this.#limits, this.#meter);
    } catch (error) {
      if (error instanceof UdfRefusal) return error;
      throw error;
    }
  }

  #call(sandbox: Sandbox, message: TransformableMessage): UdfOutcome {
    let data: string;
    try {
      data = decoder.decode(message.data);
    } catch {
      return failed('The data of the message is not valid UTF-8.');
    }
    return this.#outcome(sandbox.call(this.#input(message, data)), message);
  }

  #outcome(end: CallEnd, before: TransformableMessage): UdfOutcome {
    if (end.kind === 'timed-out') {
      const message = `The function did not finish within ${this.#limits.callMs} ms.`;
      return { kind: 'failed', message, isTimeout: true };
    }
    if (end.kind === 'exhausted') return failed('The function used too much memory or stack.');
    const read = readAnswer(end.json, before, this.#limits);
    if (read.kind === 'wrong') return failed(read.message);
    if (read.kind === 'filtered') return read;
    return { ...read, data: encoder.encode(read.data) };
  }

  #input(message: TransformableMessage, data: string): string {
    const { attributes, messageId, orderingKey, publishTimeMs } = message;
    const seed = new Uint32Array(3);
    this.#entropy.fill(new Uint8Array(seed.buffer));
    const metadata: Record<string, string> = {};
    if (messageId !== '') metadata['message_id'] = messageId;
    if (publishTimeMs !== undefined) metadata['publish_time'] = timeOf(publishTimeMs);
    if (orderingKey !== '') metadata['ordering_key'] = orderingKey;
    return JSON.stringify({ message: { data, attributes }, metadata, seed: [...seed] });
  }
}

/** YYYY-MM-DDTHH:MM:SSZ, as google.pubsub.v1.JavaScriptUDF says. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function failed(message: string): UdfOutcome {
  return { kind: 'failed', message, isTimeout: false };
}
