import type { Logger } from '../runtime/index.ts';

const originsMax = 100;
const lengthMax = 255;

/**
 * Says once of each origin that its pages are refused: in the browser they see a CORS error without
 * a reason. Remembers so many origins and then falls silent, as clients can make them up.
 */
export class RefusedOrigins {
  readonly #log: Logger;
  readonly #known: Set<string> = new Set();

  constructor(log: Logger) {
    this.#log = log;
  }

  add(text: string): void {
    const origin = text.slice(0, lengthMax);
    if (this.#known.size >= originsMax || this.#known.has(origin)) return;
    this.#known.add(origin);
    this.#log.info(
      { origin },
      'a page of this origin was refused: --browser-origin or --allow-origin would let it in',
    );
  }
}
