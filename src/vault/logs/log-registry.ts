import type { MetaPut, MetaStore, Store } from '../../storage/index.ts';
import { allRows } from '../keys/key-state-rows.ts';
import type { ServiceName } from '../services/service.ts';
import type { LogName } from './service-logs.ts';

/** Which log of the store is a service's, and what kinds of entries it has had. */
export interface RegisteredLog {
  readonly service: ServiceName;
  readonly log: number;
  readonly names: readonly LogName[];
}

export const logRowPrefix = 'vault/log/';
/** Logs that are to be removed, by the next start if not before. */
export const doomedLogPrefix = 'vault/doomed-log/';
/** The last log id that was given out. */
export const logCounterKey = 'vault/log-counter';

const format = 1;
const utf8 = new TextEncoder();
const attemptsMax = 100;

export function logRowKey({ project, location, serviceId }: ServiceName): string {
  return `${logRowPrefix}${project}/${location}/${serviceId}`;
}

/** Null for what is no such row. */
export function decodeLogRow(row: {
  readonly key: string;
  readonly value: Uint8Array;
}): RegisteredLog | null {
  try {
    const read = JSON.parse(text(row.value)) as RegisteredLog & { readonly format: number };
    const { service, log, names } = read;
    const isOurs = read.format === format && logRowKey(service) === row.key;
    return isOurs && Number.isSafeInteger(log) && log > 0 && Array.isArray(names)
      ? { service, log, names }
      : null;
  } catch {
    return null;
  }
}

/** Rows that say which log belongs to whom. Log ids are never used again. */
export class LogRegistry {
  readonly #store: Store;
  readonly #meta: MetaStore;

  /** `meta` is the store's own, sealed. */
  constructor(store: Store, meta: MetaStore) {
    this.#store = store;
    this.#meta = meta;
  }

  /** All of them, after what was left of removed ones is gone. */
  async load(): Promise<{ logs: RegisteredLog[]; strange: string[] }> {
    for (const { key } of await allRows(this.#meta, doomedLogPrefix)) await this.#finish(key);
    const logs: RegisteredLog[] = [];
    const strange: string[] = [];
    for (const row of await allRows(this.#meta, logRowPrefix)) {
      const log = decodeLogRow(row);
      if (log === null) strange.push(row.key);
      else logs.push(log);
    }
    return { logs, strange };
  }

  /** A new log for a service that has none. */
  async create(service: ServiceName): Promise<RegisteredLog> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const counter = await this.#meta.get(logCounterKey);
      const log = (counter === null ? 0 : Number(text(counter.value))) + 1;
      const made: RegisteredLog = { service, log, names: [] };
      const checks = [{ key: logCounterKey, version: counter?.version ?? 0 }];
      const counted = { key: logCounterKey, value: utf8.encode(String(log)) };
      if (await this.#meta.txn(checks, [counted, putOf(made)])) return made;
    }
    throw new Error('the counter of logs is never still');
  }

  async save(log: RegisteredLog): Promise<void> {
    await this.#meta.txn([], [putOf(log)]);
  }

  async remove({ service, log }: RegisteredLog): Promise<void> {
    const doomed = doomedLogPrefix + String(log);
    await this.#meta.txn(
      [],
      [
        { key: logRowKey(service), value: null },
        { key: doomed, value: utf8.encode(String(format)) },
      ],
    );
    await this.#finish(doomed);
  }

  async #finish(doomed: string): Promise<void> {
    await this.#store.drop([Number(doomed.slice(doomedLogPrefix.length))]);
    await this.#meta.txn([], [{ key: doomed, value: null }]);
  }
}

function putOf(log: RegisteredLog): MetaPut {
  return { key: logRowKey(log.service), value: utf8.encode(JSON.stringify({ format, ...log })) };
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString();
}
