import { draw, type Cancel, type Clock, type Entropy, type Logger } from '../../runtime/index.ts';
import type { ImageVault } from '../images/image-vault.ts';

export interface LayerUpkeepParts {
  readonly images: Pick<ImageVault, 'collect'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
}

/** Not amid a start, when deployments go on and minimums are started. */
const firstMs = 5 * 60_000;
const hourMs = 3_600_000;
/** Vaults that were started together do not all read their disks together. */
const spread = 0.1;

/** Removes layers that no image needs, without being asked: once an hour, more or less. */
export class LayerUpkeep {
  readonly #parts: LayerUpkeepParts;
  #cancel: Cancel = () => undefined;
  #current: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(parts: LayerUpkeepParts) {
    this.#parts = parts;
    this.#plan(firstMs);
  }

  /** Resolves when nothing is being removed any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#current;
  }

  #plan(ms: number): void {
    const { clock } = this.#parts;
    if (this.#isStopped) return;
    this.#cancel = clock.schedule(clock.monotonicMs() + ms, () => {
      this.#current = this.#collect().finally(() => this.#plan(this.#nextMs()));
    });
  }

  async #collect(): Promise<void> {
    const { images, log } = this.#parts;
    try {
      const { removed, bytes } = await images.collect();
      if (removed > 0) log.info({ removed, bytes }, 'layers that no image needed were removed');
    } catch (error) {
      log.error({ err: error }, 'layers that no image needs were not removed');
    }
  }

  #nextMs(): number {
    const share = draw(this.#parts.entropy, 1)[0]! / 255;
    return hourMs * (1 - spread + 2 * spread * share);
  }
}
