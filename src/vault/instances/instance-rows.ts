import type { Logger } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { InstanceReport } from './instances.ts';

/** Ended instances that are remembered for each service. */
const endedMax = 100;
const prefix = 'vault/instance/';
const format = 1;
const pageSize = 500;

type ServicePlace = Pick<InstanceReport['revision'], 'project' | 'location' | 'serviceId'>;

/**
 * Reports of instances, stored so that a crash of the vault leaves none unaccounted for. Writes of
 * one instance land in the order of the calls.
 */
export class InstanceRows {
  readonly #meta: MetaStore;
  readonly #log: Logger;
  readonly #writes = new Map<string, Promise<void>>();
  /** By service, oldest first. */
  readonly #ended = new Map<string, InstanceReport[]>();

  constructor(meta: MetaStore, log: Logger) {
    this.#meta = meta;
    this.#log = log;
  }

  /** Reads all; those that were running when their vault ended are ended now. How many. */
  async load(nowMs: number): Promise<number> {
    const crashed: InstanceReport[] = [];
    for await (const report of this.#all()) {
      if (report.state === 'STOPPED') this.#remember(report);
      else crashed.push({ ...report, state: 'STOPPED', stoppedMs: nowMs, why: 'vault crashed' });
    }
    for (const reports of this.#ended.values()) {
      reports.sort((one, other) => (one.stoppedMs ?? 0) - (other.stoppedMs ?? 0));
    }
    for (const report of crashed) await this.write(report);
    return crashed.length;
  }

  /** Durable when it resolves. */
  async write(report: InstanceReport): Promise<void> {
    const key = keyOf(report);
    const value = Buffer.from(JSON.stringify({ format, ...report }));
    const dropped = report.state === 'STOPPED' ? this.#remember(report) : [];
    const puts = dropped.map((each) => ({ key: keyOf(each), value: null }));
    await this.#inTurn(key, async () => {
      await this.#meta.txn([], [{ key, value }, ...puts]);
    });
  }

  /** As `write`, where nothing may fail: the next start of the vault makes up for it. */
  async tryWrite(report: InstanceReport): Promise<void> {
    try {
      await this.write(report);
    } catch (error) {
      this.#log.error({ err: error, instance: report.id }, 'an instance was not accounted for');
    }
  }

  ended(service: ServicePlace): readonly InstanceReport[] {
    return this.#ended.get(placeOf(service)) ?? [];
  }

  /** For a service that is gone. */
  async forget(service: ServicePlace): Promise<void> {
    const reports = this.ended(service);
    this.#ended.delete(placeOf(service));
    const puts = reports.map((each) => ({ key: keyOf(each), value: null }));
    if (puts.length > 0) await this.#meta.txn([], puts);
  }

  async *#all(): AsyncGenerator<InstanceReport> {
    for (let after = ''; ;) {
      const rows = await this.#meta.list(prefix, { limit: pageSize, ...(after && { after }) });
      for (const { value } of rows) {
        const { format: found, ...report } = JSON.parse(
          Buffer.from(value).toString('utf8'),
        ) as InstanceReport & { format: number };
        if (found === format) yield report;
      }
      if (rows.length < pageSize) return;
      after = rows.at(-1)!.key;
    }
  }

  /** Those that are forgotten for it. */
  #remember(report: InstanceReport): InstanceReport[] {
    const place = placeOf(report.revision);
    const reports = this.#ended.get(place) ?? [];
    this.#ended.set(place, reports);
    reports.push(report);
    return reports.splice(0, Math.max(0, reports.length - endedMax));
  }

  async #inTurn(key: string, write: () => Promise<void>): Promise<void> {
    const before = this.#writes.get(key) ?? Promise.resolve();
    const turn = before.then(write, write);
    this.#writes.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#writes.get(key) === turn) this.#writes.delete(key);
    }
  }
}

function placeOf({ project, location, serviceId }: ServicePlace): string {
  return `${project}/${location}/${serviceId}`;
}

function keyOf({ revision, id }: InstanceReport): string {
  return `${prefix}${placeOf(revision)}/${id}`;
}
