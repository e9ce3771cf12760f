import { StorageError, type Segment, type Store, type Tail } from '../../src/storage/index.ts';

/**
 * A store whose segments are whatever a test made of them, read as the embedded engine does: from
 * the one that holds a sequence, or the one before it, until one is missing. Nothing can be written.
 */
export function tamperedStore(inner: Store, segments: readonly Segment[]): Store {
  const of = (log: number): Segment[] =>
    segments.filter((segment) => segment.log === log).toSorted((a, b) => a.base - b.base);
  const tailOf = (log: number): Tail => {
    const all = of(log);
    const last = all.at(-1);
    if (last === undefined) return { next: 0, trim: 0, epoch: 0, timeMs: 0 };
    const next = last.base + last.count;
    return { next, trim: all[0]!.base, epoch: last.epoch, timeMs: last.timeMs };
  };
  const refused = (): never => {
    throw new StorageError('readOnly', 'A tampered store cannot be written');
  };
  return {
    bodyBytesMax: inner.bodyBytesMax,
    meta: inner.meta,
    commit: async () => refused(),
    resolve: async () => refused(),
    own: async () => refused(),
    trim: async () => undefined,
    drop: async () => refused(),
    stats: () => inner.stats(),
    close: async () => undefined,
    tails: async (logs) => logs.map(tailOf),
    locate: async (log, timeMs) =>
      of(log).find((segment) => segment.timeMs >= timeMs)?.base ?? tailOf(log).next,
    read: async (log, from, bytesMax) => {
      const all = of(log);
      if (from >= tailOf(log).next) return [];
      const start = Math.max(
        0,
        all.findLastIndex(({ base }) => base <= from),
      );
      const found: Segment[] = [];
      let bytes = 0;
      for (const segment of all.slice(start)) {
        const before = found.at(-1);
        bytes += segment.body.length;
        const isNext = before === undefined || before.base + before.count === segment.base;
        if (!isNext || (before !== undefined && bytes > bytesMax)) break;
        found.push(segment);
      }
      return found;
    },
  };
}
