import { type Clock, type Logger, Serial } from '../runtime/index.ts';
import { compressionStage } from './compression.ts';
import type { TransformLimits } from './limits.ts';
import type { Udf } from './sandbox/sandbox.ts';
import { UdfLane } from './threads/udf-lane.ts';
import { UdfThread } from './threads/udf-thread.ts';
import { UdfTurns } from './threads/udf-turns.ts';
import type { MessageTransform, TransformChain, TransformEngine } from './transform.ts';
import { type PlacedStage, StagedChain, type TransformStage } from './transform-chain.ts';
import { udfProblem } from './udf-rules.ts';

export interface TransformEnginePorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: TransformLimits;
  /** At most; each is started when it is first needed. Two, so that a slow function has no hold. */
  readonly threads?: number;
}

/** Nothing is started before the first function is checked or run. */
export function openTransformEngine(ports: TransformEnginePorts): TransformEngine {
  const { clock, log, limits, threads = 2 } = ports;
  const made = Array.from({ length: threads }, () => new UdfThread(clock, limits));
  return new ThreadedEngine(new UdfTurns(made, limits, { clock, log }), limits);
}

class ThreadedEngine implements TransformEngine {
  readonly #turns: UdfTurns;
  readonly #limits: TransformLimits;
  /** Code that nobody has seen before is loaded one at a time. */
  readonly #checks = new Serial();
  #lastId = 0;

  constructor(turns: UdfTurns, limits: TransformLimits) {
    this.#turns = turns;
    this.#limits = limits;
  }

  async check({ javascriptUdf }: MessageTransform): Promise<string | null> {
    if (javascriptUdf === undefined) return null;
    const problem = udfProblem(javascriptUdf, this.#limits);
    return problem ?? (await this.#checks.run(() => this.#load(javascriptUdf)));
  }

  prepare(owner: string, transforms: readonly MessageTransform[]): TransformChain | null {
    const stages = transforms.flatMap((transform, index): PlacedStage[] => {
      const stage = transform.disabled ? null : this.#stage(owner, transform);
      return stage === null ? [] : [{ index, stage }];
    });
    return stages.length === 0 ? null : new StagedChain(stages);
  }

  close(): Promise<void> {
    return this.#turns.end();
  }

  #stage(owner: string, { javascriptUdf, compression }: MessageTransform): TransformStage | null {
    if (javascriptUdf !== undefined) return this.#udfStage(owner, javascriptUdf);
    return compression === undefined ? null : compressionStage(compression.mode, this.#limits);
  }

  /** A function that `check` would refuse fails each message with its words. */
  #udfStage(owner: string, udf: Udf): TransformStage {
    const message = udfProblem(udf, this.#limits);
    if (message !== null) {
      const outcome = { kind: 'failed', message } as const;
      return { run: async (messages) => messages.map(() => outcome), close: () => undefined };
    }
    const lane = new UdfLane(owner, ++this.#lastId, udf);
    return {
      run: (messages) => this.#turns.run(lane, messages),
      close: () => this.#turns.close(lane),
    };
  }

  async #load(udf: Udf): Promise<string | null> {
    const lane = new UdfLane('', ++this.#lastId, udf, true);
    const probe = { data: new Uint8Array(0), attributes: {}, orderingKey: '', messageId: '' };
    const [outcome] = await this.#turns.run(lane, [probe]);
    this.#turns.close(lane);
    return outcome!.kind === 'failed' ? outcome!.message : null;
  }
}
