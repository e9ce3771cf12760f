import { threadCpuUsage } from 'node:process';

/**
 * How long this thread has worked since it was told to begin. Processor time, not the wall's: a
 * function is not to blame for a machine that is busy.
 */
export class CpuMeter {
  readonly #limitMs: number;
  readonly #beat: () => void;
  #beganMs = 0;

  /** `beat` is called whenever somebody asks: the thread is alive. */
  constructor(limitMs: number, beat: () => void) {
    this.#limitMs = limitMs;
    this.#beat = beat;
  }

  begin(): void {
    this.#beganMs = usedMs();
  }

  isOver(): boolean {
    this.#beat();
    return this.spentMs() > this.#limitMs;
  }

  spentMs(): number {
    return usedMs() - this.#beganMs;
  }
}

function usedMs(): number {
  const { user, system } = threadCpuUsage();
  return (user + system) / 1000;
}
