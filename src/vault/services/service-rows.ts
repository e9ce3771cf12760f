import { RpcError } from '../../rpc/index.ts';
import type { MetaCheck, MetaPut, MetaRow, MetaStore } from '../../storage/index.ts';
import { PolicyMirror } from './policy-mirror.ts';
import type { RunPolicy } from './run-service.ts';
import type { Revision, RevisionName, Service, ServiceName } from './service.ts';

/** A service as stored. */
export interface StoredService extends Omit<Service, 'url'> {
  /** The revision that is being deployed. */
  readonly deployment: string | null;
  /** `hello`, if no other service has that host name; the long one is always ours. */
  readonly shortHost: string | null;
  readonly longHost: string;
  /** When `servedTraffic` changed last. */
  readonly trafficMs: number;
}

/** Revisions, or a whole service, whose rows are gone and whose other traces must follow. */
export interface Removal {
  readonly id: string;
  readonly service: ServiceName;
  readonly serviceUid: string;
  readonly revisionIds: readonly string[];
  readonly isWhole: boolean;
}

export interface Stored<Value> {
  readonly key: string;
  readonly value: Value;
  readonly version: number;
}

const format = 1;

export const prefixes = {
  service: 'vault/service/',
  revision: 'vault/revision/',
  policy: 'vault/policy/',
  host: 'vault/host/',
  removal: 'vault/removal/',
} as const;

function placeKey({ project, location, serviceId }: ServiceName): string {
  return `${project}/${location}/${serviceId}`;
}

export const rowKeys = {
  service: (name: ServiceName): string => prefixes.service + placeKey(name),
  revision: (name: RevisionName): string => rowKeys.revisions(name) + name.revisionId,
  revisions: (name: ServiceName): string => `${prefixes.revision}${placeKey(name)}/`,
  policy: (name: ServiceName): string => prefixes.policy + placeKey(name),
  host: (hostPrefix: string): string => prefixes.host + hostPrefix,
  removal: (id: string): string => prefixes.removal + id,
} as const;

/** One change, all of it or none. */
export interface RowChange {
  readonly checks: readonly MetaCheck[];
  readonly puts: readonly MetaPut[];
}

/** Rows of services, revisions, policies, host names and removals in the vault's sealed metadata. */
export class ServiceRows {
  readonly policies: PolicyMirror = new PolicyMirror();
  readonly #meta: MetaStore;

  constructor(meta: MetaStore) {
    this.#meta = meta;
  }

  service(name: ServiceName): Promise<Stored<StoredService> | null> {
    return this.#get(rowKeys.service(name));
  }

  revision(name: RevisionName): Promise<Stored<Revision> | null> {
    return this.#get(rowKeys.revision(name));
  }

  policy(name: ServiceName): Promise<Stored<RunPolicy> | null> {
    return this.#get(rowKeys.policy(name));
  }

  host(hostPrefix: string): Promise<Stored<ServiceName> | null> {
    return this.#get(rowKeys.host(hostPrefix));
  }

  async revisionsOf(name: ServiceName): Promise<Stored<Revision>[]> {
    return this.all(rowKeys.revisions(name));
  }

  /** Rows under a prefix, in key order, after one key. */
  async list<Value>(prefix: string, after: string, limit: number): Promise<Stored<Value>[]> {
    const options = after === '' ? { limit } : { after, limit };
    return (await this.#meta.list(prefix, options)).map((row) => parsed<Value>(row));
  }

  async all<Value>(prefix: string): Promise<Stored<Value>[]> {
    const found: Stored<Value>[] = [];
    for (let after = ''; ;) {
      const page = await this.list<Value>(prefix, after, pageSize);
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return found;
      after = last.key;
    }
  }

  /** Reads all policies: until then nothing is granted by any. */
  async loadPolicies(): Promise<void> {
    for (const { key, value } of await this.all<RunPolicy>(prefixes.policy)) {
      this.policies.set(key.slice(prefixes.policy.length), value);
    }
  }

  /** False: something was changed meanwhile, and nothing is written. */
  async commit({ checks, puts }: RowChange): Promise<boolean> {
    const touched = puts.map(({ key }) => key).filter((key) => key.startsWith(prefixes.policy));
    // Meanwhile neither the policy before nor the one after is known to hold.
    for (const key of touched) this.policies.set(key.slice(prefixes.policy.length), null);
    try {
      return await this.#meta.txn(checks, puts);
    } finally {
      for (const key of touched) await this.#rereadPolicy(key);
    }
  }

  async #rereadPolicy(key: string): Promise<void> {
    const row = await this.#get<RunPolicy>(key);
    this.policies.set(key.slice(prefixes.policy.length), row?.value ?? null);
  }

  /**
   * Tries until nobody came between reading and writing. `attempt` reads, and gives what to write
   * and what the whole comes to; a change of null writes nothing.
   */
  async change<Result>(
    attempt: () => Promise<{ readonly change: RowChange | null; readonly result: Result }>,
  ): Promise<Result> {
    for (let tries = 0; tries < triesMax; tries++) {
      const { change, result } = await attempt();
      if (change === null || (await this.commit(change))) return result;
    }
    throw contention();
  }

  async #get<Value>(key: string): Promise<Stored<Value> | null> {
    const row = await this.#meta.get(key);
    return row && parsed<Value>(row);
  }
}

const pageSize = 500;
const triesMax = 100;

export function checkOf({ key, version }: { key: string; version: number }): MetaCheck {
  return { key, version };
}

/** That a row must not exist. */
export function absent(key: string): MetaCheck {
  return { key, version: 0 };
}

export function putOf(key: string, value: object | null): MetaPut {
  if (value === null) return { key, value };
  return { key, value: new TextEncoder().encode(JSON.stringify({ format, value })) };
}

function parsed<Value>({ key, value, version }: MetaRow): Stored<Value> {
  const row = JSON.parse(new TextDecoder().decode(value)) as { format: number; value: Value };
  if (row.format === format) return { key, value: row.value, version };
  const text = `Stored metadata ${key} has format ${row.format}, which this version cannot read.`;
  throw new RpcError('DATA_LOSS', 'METADATA_MALFORMED', text);
}

export function contention(): RpcError {
  return new RpcError('ABORTED', 'CONCURRENT_CHANGE', 'Too many changes of one resource; retry.');
}

/** Microseconds, as Cloud Run's are, and never less than one more than the last. */
export function nextResourceVersion(last: string | null, nowMs: number): string {
  const next = BigInt(nowMs) * 1_000n;
  const least = last === null ? 0n : BigInt(last) + 1n;
  return String(next > least ? next : least);
}
