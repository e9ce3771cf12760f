import type { MetaRow, MetaStore } from '../../storage/index.ts';
import { decodeRow, encodeRow } from '../catalog/catalog-rows.ts';
import type { DekRun } from './dek-runs.ts';

const pageRows = 500;
const prefixOf = (topicUid: string): string => `dek-run/${topicUid}/`;

/**
 * The closed runs of one topic's lane as rows. Each says something about stored segments that stays
 * true while they are stored, so a row may come late, twice or never: then the segments are read.
 */
export class DekRunRows {
  readonly #meta: MetaStore;
  readonly #prefix: string;

  /** `topicUid` in hex; `lane`: the shard. */
  constructor(meta: MetaStore, topicUid: string, lane: number) {
    this.#meta = meta;
    this.#prefix = `${prefixOf(topicUid)}${String(lane).padStart(10, '0')}/`;
  }

  /** Ascending; what cannot be understood is left out. */
  async all(): Promise<DekRun[]> {
    const runs: DekRun[] = [];
    for await (const { key, value } of pages(this.#meta, this.#prefix)) {
      const run = runOf(Number(key.slice(this.#prefix.length)), decodeRow(value));
      if (run !== null) runs.push(run);
    }
    return runs;
  }

  async put(run: DekRun): Promise<void> {
    const { first, ...rest } = run;
    await this.#meta.txn([], [{ key: this.#keyOf(first), value: encodeRow(rest) }]);
  }

  async remove(runs: readonly DekRun[]): Promise<void> {
    await removeKeys(
      this.#meta,
      runs.map(({ first }) => this.#keyOf(first)),
    );
  }

  #keyOf(first: number): string {
    return this.#prefix + String(first).padStart(16, '0');
  }
}

/** Removes all of a topic that is gone. */
export async function removeDekRuns(meta: MetaStore, topicUid: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of pages(meta, prefixOf(topicUid))) keys.push(key);
  await removeKeys(meta, keys);
}

async function removeKeys(meta: MetaStore, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += pageRows) {
    const puts = keys.slice(at, at + pageRows).map((key) => ({ key, value: null }));
    await meta.txn([], puts);
  }
}

async function* pages(meta: MetaStore, prefix: string): AsyncGenerator<MetaRow> {
  let after: string | undefined;
  for (;;) {
    const from = after === undefined ? {} : { after };
    const page = await meta.list(prefix, { ...from, limit: pageRows });
    yield* page;
    if (page.length < pageRows) return;
    after = page.at(-1)!.key;
  }
}

function runOf(first: number, stored: unknown): DekRun | null {
  const { version, end, bytes, lastTimeMs, isFirst } = stored as Partial<Omit<DekRun, 'first'>>;
  const numbers = [first, version, end, bytes, lastTimeMs];
  if (!numbers.every((number) => Number.isSafeInteger(number))) return null;
  const run = { first, version: version!, end: end!, bytes: bytes!, lastTimeMs: lastTimeMs! };
  return isFirst === true ? { ...run, isFirst } : run;
}
