import {
  logEntryJson,
  mayTakeEntry,
  requiredValue,
  takesEntry,
  type AuditQuery,
  type AuditReader,
  type EntryJson,
  type LogQuery,
} from '../../audit/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { LoggedServiceEntry, ServiceLogs, ServiceName } from '../../vault/index.ts';
import {
  serviceEntryJson,
  serviceLogName,
  serviceLogNames,
  serviceResourceType,
} from './service-entry.ts';

/** An entry that was asked for, and its place in the order of all. */
export interface FoundEntry {
  readonly timeMs: number;
  readonly insertId: string;
  readonly json: EntryJson;
}

/** What a look into one log found, from a place on. */
export interface LogScan {
  readonly found: readonly FoundEntry[];
  /** The time of the last entry that was looked at; null: all were. */
  readonly reachedMs: number | null;
  /** Where to go on if the first `count` are taken; null: there is nothing more. */
  placeAfter(count: number): string | null;
}

/** A log from which pages are merged. */
export interface LogSource {
  /** From `place`, which a scan of this log gave; empty: from where the order begins. */
  scan(query: LogQuery, place: string): Promise<LogScan>;
}

/** The audit log; its places are its own page tokens. */
export function auditSource(audit: AuditReader, asked: AuditQuery): LogSource {
  return {
    async scan({ pageSize }, place) {
      const page = await audit.read({ ...asked, pageSize, pageToken: place });
      const { entries, nextPageToken, reachedMs } = page;
      const next = nextPageToken === '' ? null : nextPageToken;
      return {
        found: entries.map((entry) => ({ ...entry, json: logEntryJson(entry) })),
        reachedMs,
        placeAfter: (count) => (count === entries.length ? next : page.tokenBefore(count)),
      };
    },
  };
}

/** Entries that are read at once, and that one page looks at. */
const batchEntries = 200;
const lookedAtMax = 20_000;

/** The logs of a project's services; their places are insert ids. */
export function serviceSource(
  { logs, clock }: { readonly logs: Pick<ServiceLogs, 'read'>; readonly clock: Clock },
  project: string,
): LogSource {
  return {
    async scan(query, place) {
      if (!mayHold(query, project)) return nothing;
      const scan = new ServiceScan(query, place);
      while (!scan.isOver) {
        scan.take(await logs.read({ ...requestOf(query, project), ...scan.from }));
        // A filter may take long over its entries: others have their turn before the next.
        await new Promise<void>((resolve) => {
          clock.soon(resolve);
        });
      }
      return scan;
    },
  };
}

const nothing: LogScan = { found: [], reachedMs: null, placeAfter: () => null };

/** Whether any entry of a service can be among those that are asked for. */
function mayHold(query: LogQuery, project: string): boolean {
  const { fromMs, toMs } = query.bounds;
  const resource = { type: serviceResourceType };
  const names = serviceLogNames.map((log) => serviceLogName(project, log));
  return fromMs <= toMs && names.some((logName) => mayTakeEntry(query, { resource, logName }));
}

function requestOf(
  query: LogQuery,
  project: string,
): Omit<Parameters<ServiceLogs['read']>[0], 'after'> {
  const { bounds, isDown } = query;
  const label = (name: string): string | undefined =>
    requiredValue(query, ['resource', 'labels', name]);
  const [serviceId, location] = [label('service_name'), label('location')];
  const service: ServiceName | undefined =
    serviceId === undefined || location === undefined
      ? undefined
      : { project, location, serviceId };
  return {
    project,
    ...(service === undefined ? {} : { service }),
    fromMs: bounds.fromMs,
    toMs: bounds.toMs,
    order: isDown ? 'desc' : 'asc',
    limit: batchEntries,
  };
}

/** A look into the logs of services, batch by batch. */
class ServiceScan implements LogScan {
  readonly found: FoundEntry[] = [];
  readonly #query: LogQuery;
  /** Where to go on before each found entry; empty: from the start. */
  readonly #before: string[] = [];
  #place: string;
  #lookedAt = 0;
  #lastMs = 0;
  #isDone = false;

  constructor(query: LogQuery, place: string) {
    this.#query = query;
    this.#place = place;
  }

  get from(): { readonly after?: string } {
    return this.#place === '' ? {} : { after: this.#place };
  }

  get isOver(): boolean {
    const isFull = this.found.length >= this.#query.pageSize;
    return this.#isDone || isFull || this.#lookedAt >= lookedAtMax;
  }

  get reachedMs(): number | null {
    return this.#isDone ? null : this.#lastMs;
  }

  take(batch: readonly LoggedServiceEntry[]): void {
    for (const entry of batch) {
      if (this.found.length >= this.#query.pageSize) return;
      const json = serviceEntryJson(entry);
      if (takesEntry(this.#query, json)) {
        this.found.push({ timeMs: entry.timeMs, insertId: entry.insertId, json });
        this.#before.push(this.#place);
      }
      this.#place = entry.insertId;
      this.#lastMs = entry.timeMs;
      this.#lookedAt++;
    }
    this.#isDone = batch.length < batchEntries;
  }

  placeAfter(count: number): string | null {
    if (count < this.found.length) return this.#before[count]!;
    return this.#isDone ? null : this.#place;
  }
}
