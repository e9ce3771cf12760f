import type {
  MessageTransform,
  TransformableMessage,
  TransformChain,
  TransformEngine,
  TransformOutcome,
} from '../../src/transforms/index.ts';

/** What a scripted transform makes of a message's text: another text, nothing, or a failure. */
export type Script = (
  text: string,
  message: TransformableMessage,
) => string | null | { readonly fails: string };

export interface ScriptedRun {
  readonly owner: string;
  readonly messages: readonly TransformableMessage[];
}

/**
 * Runs functions of the test by the names that transforms have, so that a test decides when a batch
 * ends and what becomes of it. What real code does is tested with the real engine.
 */
export class ScriptedTransforms implements TransformEngine {
  readonly scripts: Map<string, Script> = new Map();
  readonly runs: ScriptedRun[] = [];
  /** Chains that were prepared and are not closed. */
  openCount = 0;
  /** Thrown by whatever is asked of it, while it is set. */
  failure: Error | null = null;
  /** Messages of which a run says at most what became of them. */
  outcomesMax: number = Infinity;
  /** Awaited by every run before it ends. */
  gate: Promise<void> = Promise.resolve();

  async check({ javascriptUdf }: MessageTransform): Promise<string | null> {
    if (this.failure !== null) throw this.failure;
    const name = javascriptUdf?.functionName ?? '';
    return this.scripts.has(name) ? null : `no function ${name}`;
  }

  prepare(owner: string, transforms: readonly MessageTransform[]): TransformChain | null {
    const enabled = transforms.filter(({ disabled }) => !disabled);
    if (enabled.length === 0) return null;
    this.openCount++;
    return {
      run: async (messages) => {
        if (this.failure !== null) throw this.failure;
        this.runs.push({ owner, messages });
        await this.gate;
        const run = messages.slice(0, this.outcomesMax);
        return run.map((message) => this.#trace(enabled, message).at(-1)!);
      },
      trace: async (message) => this.#trace(enabled, message),
      close: () => void this.openCount--,
    };
  }

  async close(): Promise<void> {}

  #trace(
    transforms: readonly MessageTransform[],
    message: TransformableMessage,
  ): TransformOutcome[] {
    const trace: TransformOutcome[] = [];
    let now = message;
    for (const [index, { javascriptUdf }] of transforms.entries()) {
      const script = this.scripts.get(javascriptUdf!.functionName)!;
      const made = script(Buffer.from(now.data).toString(), now);
      if (made === null) return [...trace, { kind: 'filtered' }];
      if (typeof made === 'object') {
        return [...trace, { kind: 'failed', index, message: made.fails }];
      }
      now = { ...now, data: Buffer.from(made) };
      trace.push({ kind: 'transformed', data: now.data, attributes: now.attributes });
    }
    return trace;
  }
}

/** A transform that calls a script; its code only has to be there. */
export function scripted(functionName: string, disabled: boolean = false): MessageTransform {
  return { disabled, javascriptUdf: { functionName, code: `function ${functionName}() {}` } };
}
