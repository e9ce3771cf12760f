import { SealpostError } from '../sealpost-error.ts';

/** Ordering keys of which a message was lost for good: what follows it must not overtake it. */
export class StoppedKeys {
  readonly #errors = new Map<string, SealpostError>();

  /** What everything of this lane is refused with; undefined: it goes. */
  get(lane: string): SealpostError | undefined {
    return this.#errors.get(lane);
  }

  /** Returns what the messages behind it are refused with. The first cause stays. */
  stop(lane: string, cause: unknown): SealpostError {
    const known = this.#errors.get(lane);
    if (known !== undefined) return known;
    const error = new SealpostError(
      'FAILED_PRECONDITION',
      'ORDERING_KEY_STOPPED',
      'An earlier message with this ordering key was not published: call resumePublishing first.',
      { cause },
    );
    this.#errors.set(lane, error);
    return error;
  }

  resume(lane: string): void {
    this.#errors.delete(lane);
  }
}
