import type { LaneReader } from './lane-reader.ts';

/** The publish time of the message that somebody asks for again and again: read once. */
export class PublishTime {
  readonly #reader: LaneReader;
  #sequence = -1;
  #timeMs = NaN;

  constructor(reader: LaneReader) {
    this.#reader = reader;
  }

  /** Of `sequence`, or of the first message that still exists after it; NaN if the disk cannot tell. */
  async of(sequence: number): Promise<number> {
    if (this.#sequence === sequence) return this.#timeMs;
    const timeMs = await this.#reader.publishTimeMs(sequence).catch(() => undefined);
    if (timeMs === undefined) return NaN;
    this.#sequence = sequence;
    this.#timeMs = timeMs;
    return timeMs;
  }
}
