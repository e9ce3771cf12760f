import type { ChainName } from '../chain/stored-entry.ts';
import type { PlacedEntry } from './entry-reader.ts';

interface Source {
  readonly chain: ChainName;
  readonly items: AsyncGenerator<PlacedEntry>;
}

interface Head extends Source {
  readonly item: PlacedEntry;
}

/** Several ordered logs as one: by time, then by insert id; downwards it is exactly the reverse. */
export async function* merged(
  sources: readonly Source[],
  isDown: boolean,
): AsyncGenerator<{ chain: ChainName; item: PlacedEntry }> {
  let heads: Head[] = [];
  try {
    for (const source of sources) heads.push(...(await headOf(source)));
    while (heads.length > 0) {
      const first = heads.reduce((best, each) => (isBefore(each, best, isDown) ? each : best));
      yield { chain: first.chain, item: first.item };
      const next = await headOf(first);
      heads = heads.flatMap((head) => (head === first ? next : [head]));
    }
  } finally {
    for (const { items } of sources) await items.return(undefined);
  }
}

async function headOf({ chain, items }: Source): Promise<Head[]> {
  const next = await items.next();
  return next.done === true ? [] : [{ chain, items, item: next.value }];
}

function isBefore(a: Head, b: Head, isDown: boolean): boolean {
  const difference = a.item.entry.timeMs - b.item.entry.timeMs;
  if (difference !== 0) return isDown ? difference > 0 : difference < 0;
  return isDown !== a.item.entry.insertId < b.item.entry.insertId;
}
