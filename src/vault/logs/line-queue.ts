import type { VaultObserver } from '../observer.ts';
import type { RevisionName, ServiceName } from '../services/service.ts';
import { logRowKey } from './log-registry.ts';
import type { StoredLine } from './log-segment.ts';
import type { ServiceLogEntry } from './service-logs.ts';

/** Lines that wait to be written, of all services together. */
const waitingBytesMax: number = 8 * 1024 * 1024;
/** One segment holds about this much, so that a damaged one takes little with it. */
const batchBytesMax: number = 256 * 1024;
const batchLinesMax = 512;

interface Waiting {
  readonly line: StoredLine;
  readonly bytes: number;
  /** In the order in which they came, over all services. */
  readonly order: number;
}

/** What waits of one service. */
interface ServiceLines {
  readonly service: ServiceName;
  waiting: Waiting[];
  droppedCount: number;
  /** Whose lines were dropped last. */
  droppedOf: RevisionName | null;
}

/** Lines of one service, taken out to be written as one segment. */
export interface LineBatch {
  readonly service: ServiceName;
  readonly lines: readonly StoredLine[];
  readonly bytes: number;
  /** Of its first line. */
  readonly order: number;
}

/** Takes lines at once, as many as there is room for; what is too much is counted, and told. */
export class LineQueue {
  readonly #observer: Pick<VaultObserver, 'logLinesDropped'>;
  readonly #services = new Map<string, ServiceLines>();
  #bytes = 0;
  #order = 0;

  constructor(observer: Pick<VaultObserver, 'logLinesDropped'>) {
    this.#observer = observer;
  }

  get lastOrder(): number {
    return this.#order;
  }

  /** The order of the first line that waits; Infinity if none does. */
  get firstOrder(): number {
    const firsts = [...this.#services.values()].filter((lines) => !isEmpty(lines));
    return Math.min(...firsts.map(({ waiting }) => waiting[0]?.order ?? this.#order));
  }

  add({ revision, ...rest }: ServiceLogEntry): void {
    const { revisionId, ...service } = revision;
    const line = { ...rest, revisionId, timeMs: Math.max(0, Math.floor(rest.timeMs)) };
    const bytes = JSON.stringify(line).length;
    const lines = this.#of(service);
    if (this.#bytes + bytes > waitingBytesMax) {
      lines.droppedCount++;
      lines.droppedOf = revision;
      this.#observer.logLinesDropped(1);
      return;
    }
    this.#bytes += bytes;
    lines.waiting.push({ line, bytes, order: ++this.#order });
  }

  /** A batch of each service that has any. `nowMs` is the time of a line about dropped ones. */
  take(nowMs: number): LineBatch[] {
    const batches: LineBatch[] = [];
    for (const [key, lines] of this.#services) {
      if (isEmpty(lines)) this.#services.delete(key);
      else batches.push(this.#takeOf(lines, nowMs));
    }
    return batches;
  }

  /** What was written, or will not be, makes room. */
  release({ bytes }: LineBatch): void {
    this.#bytes -= bytes;
  }

  /** Nothing of a service is to be written any more. */
  forget(service: ServiceName): void {
    const lines = this.#services.get(logRowKey(service));
    for (const { bytes } of lines?.waiting ?? []) this.#bytes -= bytes;
    this.#services.delete(logRowKey(service));
  }

  #takeOf(lines: ServiceLines, nowMs: number): LineBatch {
    let count = 0;
    let bytes = 0;
    const { waiting } = lines;
    while (count < waiting.length && count < batchLinesMax && bytes < batchBytesMax) {
      bytes += waiting[count]!.bytes;
      count++;
    }
    const taken = waiting.splice(0, count);
    const told = waiting.length === 0 ? droppedLine(lines, nowMs) : [];
    const order = taken[0]?.order ?? this.#order;
    return {
      service: lines.service,
      lines: [...taken.map(({ line }) => line), ...told],
      bytes,
      order,
    };
  }

  #of(service: ServiceName): ServiceLines {
    const key = logRowKey(service);
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    const made = { service, waiting: [], droppedCount: 0, droppedOf: null };
    this.#services.set(key, made);
    return made;
  }
}

function isEmpty({ waiting, droppedCount }: ServiceLines): boolean {
  return waiting.length === 0 && droppedCount === 0;
}

function droppedLine(lines: ServiceLines, timeMs: number): StoredLine[] {
  const { droppedCount, droppedOf } = lines;
  if (droppedOf === null) return [];
  lines.droppedCount = 0;
  lines.droppedOf = null;
  const text = `${droppedCount} log lines were dropped: they came faster than they could be stored.`;
  const { revisionId } = droppedOf;
  return [{ log: 'varlog/system', severity: 'WARNING', revisionId, timeMs, text }];
}
