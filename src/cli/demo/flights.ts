import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** A public data set: one message a record. */
export interface Flights {
  readonly path: string;
  /** The records' own text, byte for byte as the file has it. */
  readonly records: readonly Buffer[];
}

const fileName = 'flights-200k.json';

/** 200,000 flights of 2001, as the npm package vega-datasets ships them. */
export async function readFlights(recordsMax: number): Promise<Flights> {
  let entry: string;
  try {
    entry = import.meta.resolve('vega-datasets');
  } catch {
    throw new Error('The data set is not installed: npm install vega-datasets@3');
  }
  const path = fileURLToPath(new URL(`../data/${fileName}`, entry));
  const text = await readFile(path, 'utf8');
  const records = text
    .trim()
    .slice(1, -1)
    .split(/(?<=\})\s*,\s*(?=\{)/);
  return {
    path,
    records: records.slice(0, recordsMax).map((record) => Buffer.from(record.trim())),
  };
}

/**
 * Which rows were seen, and a checksum that does not depend on their order.
 *
 * Delivery is at least once: a row that comes twice is counted as a duplicate and summed once.
 */
export class Tally {
  readonly #seen: Uint8Array;
  #low = 0;
  #high = 0;
  #count = 0;
  #duplicateCount = 0;

  constructor(rows: number) {
    this.#seen = new Uint8Array(rows);
  }

  add(row: number, record: Uint8Array): void {
    if (this.#seen[row] !== 0) {
      this.#duplicateCount++;
      return;
    }
    this.#seen[row] = 1;
    this.#count++;
    const digest = hash(
      'sha256',
      Buffer.concat([Buffer.from(`${String(row)}:`), record]),
      'buffer',
    );
    this.#low = (this.#low + digest.readUInt32LE(0)) >>> 0;
    this.#high = (this.#high + digest.readUInt32LE(4)) >>> 0;
  }

  /** Distinct rows. */
  get count(): number {
    return this.#count;
  }

  get duplicateCount(): number {
    return this.#duplicateCount;
  }

  /** 16 hexadecimal digits. */
  get checksum(): string {
    return [this.#high, this.#low].map((part) => part.toString(16).padStart(8, '0')).join('');
  }
}

/** The tally of all records, as it must come back. */
export function expectedTally(flights: Flights): Tally {
  const tally = new Tally(flights.records.length);
  for (const [row, record] of flights.records.entries()) tally.add(row, record);
  return tally;
}
