import type { QuickJSContext, QuickJSHandle } from 'quickjs-emscripten-core';
import type { TransformLimits } from '../limits.ts';
import type { CpuMeter } from './cpu-meter.ts';
import { hasGrown, type Machine, startMachine } from './machine.ts';
import { MemoryImage } from './memory-image.ts';
import { prelude } from './prelude.ts';
import { forAuthor } from './udf-answer.ts';

/** A function of a user. `functionName` was found to be an identifier. */
export interface Udf {
  readonly functionName: string;
  readonly code: string;
}

/** What a call gave back: the prelude's JSON, or that it had to be ended. */
export type CallEnd =
  | { readonly kind: 'answer'; readonly json: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'exhausted' };

/** A function that cannot be loaded; the message is for its author. */
export class UdfRefusal extends Error {
  override name = 'UdfRefusal';
}

/**
 * One user's function in a machine of its own. Each call begins in the state in which loading the
 * code left it: no message sees another's traces.
 */
export class Sandbox {
  readonly #machine: Machine;
  readonly #call: QuickJSHandle;
  readonly #meter: CpuMeter;
  readonly #image: MemoryImage;
  #isSpent = false;

  private constructor(machine: Machine, call: QuickJSHandle, meter: CpuMeter) {
    this.#machine = machine;
    this.#call = call;
    this.#meter = meter;
    this.#image = new MemoryImage(machine.memory);
  }

  /** @throws UdfRefusal */
  static async load(udf: Udf, limits: TransformLimits, meter: CpuMeter): Promise<Sandbox> {
    const machine = await startMachine(limits, () => meter.isOver());
    const { context } = machine;
    meter.begin();
    const tools = context.unwrapResult(context.evalCode(prelude, 'prelude.js'));
    const describe = context.getProp(tools, 'describe');
    const [kind, found] = ended(() => evaluate(context, udf, describe));
    if (meter.isOver()) throw new UdfRefusal('Loading the code takes too long.');
    if (kind === 'broken') {
      throw new UdfRefusal('Loading the code needs too much memory or stack.');
    }
    if (found instanceof UdfRefusal) throw found;
    if (found === null) {
      throw new UdfRefusal(`The code does not contain a function named '${udf.functionName}'.`);
    }
    const bind = context.getProp(tools, 'bind');
    const most = context.newNumber(limits.dataBytesMax);
    const call = context.unwrapResult(context.callFunction(bind, context.undefined, found, most));
    return new Sandbox(machine, call, meter);
  }

  /** Bytes that its state takes, beside the machine's own memory. */
  get imageBytes(): number {
    return this.#image.byteLength;
  }

  /** Whether it is better thrown away: it broke, or holds much memory. */
  get isSpent(): boolean {
    return this.#isSpent || hasGrown(this.#machine);
  }

  call(input: string): CallEnd {
    const { context } = this.#machine;
    this.#meter.begin();
    const [kind, json] = ended(() => {
      const argument = context.newString(input);
      const result = context.callFunction(this.#call, context.undefined, argument);
      return result.error === undefined ? context.getString(result.value) : null;
    });
    const isLate = this.#meter.isOver();
    if (kind === 'broken') this.#isSpent = true;
    else this.#image.restore();
    if (isLate) return { kind: 'timed-out' };
    return typeof json === 'string' ? { kind: 'answer', json } : { kind: 'exhausted' };
  }
}

/** A trap of the machine, or of the host's stack under it, leaves nothing that could be used. */
function ended<Value>(work: () => Value): ['whole', Value] | ['broken', null] {
  try {
    return ['whole', work()];
  } catch {
    return ['broken', null];
  }
}

/** The function, null if the code has none of the name, or what the code threw. */
function evaluate(
  context: QuickJSContext,
  { functionName, code }: Udf,
  describe: QuickJSHandle,
): QuickJSHandle | UdfRefusal | null {
  const loaded = context.evalCode(code, 'udf.js', { type: 'global' });
  if (loaded.error !== undefined) {
    const told = context.callFunction(describe, context.undefined, loaded.error);
    return new UdfRefusal(forAuthor(context.getString(context.unwrapResult(told))));
  }
  const found = context.evalCode(`typeof ${functionName} === 'function' ? ${functionName} : null`);
  const udf = context.unwrapResult(found);
  return context.typeof(udf) === 'function' ? udf : null;
}
