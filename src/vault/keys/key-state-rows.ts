import type { MetaRow, MetaStore } from '../../storage/index.ts';
import type { KeyPlace, KeyState } from './key-state.ts';
import type { KeyVerdict } from './key-verdict.ts';

/** A watched place as it is stored: what was known of it, and which versions were refused. */
export interface StoredKeyState {
  readonly place: KeyPlace;
  readonly state: KeyState;
  /** Refused versions, by full name, other than by a check of the primary one. */
  readonly refused: readonly (readonly [string, KeyVerdict])[];
}

export const keyStatePrefix = 'vault/key-state/';

const format = 1;
const utf8 = new TextEncoder();
const pageRows = 200;

export function keyStateRowKey({ project, key }: KeyPlace): string {
  return `${keyStatePrefix}${project}/${key}`;
}

export function encodeKeyState({ state, refused, place }: StoredKeyState): Uint8Array {
  return utf8.encode(JSON.stringify({ format, place, state, refused }));
}

/** Null for what is no such row. */
export function decodeKeyState({
  key,
  value,
}: Pick<MetaRow, 'key' | 'value'>): StoredKeyState | null {
  try {
    const row = JSON.parse(Buffer.from(value).toString()) as StoredKeyState & { format: number };
    const { place, state, refused } = row;
    const isOurs = row.format === format && keyStateRowKey(place) === key;
    return isOurs && Array.isArray(refused) && typeof state.sinceMs === 'number'
      ? { place, state, refused }
      : null;
  } catch {
    return null;
  }
}

/** Every row below a prefix, in key order. */
export async function allRows(meta: MetaStore, prefix: string): Promise<MetaRow[]> {
  const rows: MetaRow[] = [];
  for (;;) {
    const last = rows.at(-1);
    const after = last === undefined ? {} : { after: last.key };
    const page = await meta.list(prefix, { ...after, limit: pageRows });
    rows.push(...page);
    if (page.length < pageRows) return rows;
  }
}
