import { collectDefaultMetrics, Registry } from 'prom-client';
import type { BacklogReport, SnapshotReport, TopicReport } from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import type { Clock } from '../runtime/index.ts';
import { formatFor } from './page/accept.ts';
import { AuditMetrics } from './audit-metrics.ts';
import { BacklogGauges } from './backlog-gauges.ts';
import { BrokerMetrics } from './broker-metrics.ts';
import { CallMetrics } from './call-metrics.ts';
import { DekMetrics } from './keys/dek-metrics.ts';
import { EkmMetrics } from './keys/ekm-metrics.ts';
import { contentTypes, Page, type Family, type Format } from './page/exposition.ts';
import { KmsMetrics } from './keys/kms-metrics.ts';
import {
  registerProcessGauges,
  type ProcessSource,
  type SetCertificate,
} from './process-gauges.ts';
import { registryFamilies } from './page/registry-families.ts';
import { RemoteKmsMetrics } from './keys/remote-kms-metrics.ts';
import { resourcesMax } from './resources/resource-labels.ts';
import { SnapshotGauges } from './snapshot-families.ts';
import { TopicGauges } from './topic-gauges.ts';
import { registerVaultGauges, type VaultReport } from './vault/vault-gauges.ts';
import { VaultMetrics } from './vault/vault-metrics.ts';
import { WebSocketMetrics } from './websocket-metrics.ts';

/** Where things stand now; asked once per scrape, and cheap. */
export interface MetricsSource extends ProcessSource {
  backlogs(): Promise<readonly BacklogReport[]>;
  topics(): Promise<readonly TopicReport[]>;
  snapshots(): Promise<readonly SnapshotReport[]>;
  /** Absent or null where no vault runs. */
  vault?(): Promise<VaultReport | null>;
}

export interface MetricsOptions {
  readonly source: MetricsSource;
  readonly clock: Clock;
  /** Topics, and subscriptions, that have series of their own. */
  readonly resourcesMax?: number;
}

/** What a scrape gets. */
export interface MetricsAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** Lines that are written before the event loop is looked at: about a millisecond. */
const linesPerTurn = 2000;

/** The metrics of one server: observers that others report to, and the page that shows them. */
export class Metrics {
  readonly audit: AuditMetrics;
  readonly broker: BrokerMetrics;
  readonly dek: DekMetrics;
  readonly ekm: EkmMetrics;
  readonly kms: KmsMetrics;
  readonly remoteKms: RemoteKmsMetrics;
  readonly vault: VaultMetrics;
  readonly webSocket: WebSocketMetrics;
  /** For `api`: the port has another certificate. */
  readonly certificate: SetCertificate;
  readonly #registry: Registry = new Registry();
  readonly #calls: CallMetrics<'rpc'>;
  readonly #backlogs: BacklogGauges;
  readonly #topics: TopicGauges;
  readonly #snapshots: SnapshotGauges;
  readonly #options: MetricsOptions;
  readonly #underWay: Map<Format, Promise<MetricsAnswer>> = new Map();

  /** Each server has a registry of its own: several may live in one process. */
  constructor(options: MetricsOptions) {
    const max = options.resourcesMax ?? resourcesMax;
    const registry = this.#registry;
    collectDefaultMetrics({ register: registry });
    this.#options = options;
    this.audit = new AuditMetrics(registry);
    this.broker = new BrokerMetrics(registry, options.clock, max);
    this.dek = new DekMetrics(registry);
    this.ekm = new EkmMetrics(registry);
    this.kms = new KmsMetrics(registry);
    this.remoteKms = new RemoteKmsMetrics(registry);
    this.vault = new VaultMetrics(registry, max);
    registerVaultGauges(registry, max, async () => (await options.source.vault?.()) ?? null);
    this.webSocket = new WebSocketMetrics(registry);
    this.#calls = new CallMetrics(registry, {
      prefix: 'sealpost_rpc',
      what: 'Calls of every API that were answered',
      label: 'rpc',
    });
    this.#backlogs = new BacklogGauges(max);
    this.#topics = new TopicGauges(max);
    this.#snapshots = new SnapshotGauges(max);
    this.certificate = registerProcessGauges(registry, options.source);
  }

  /** For `api`: one call of `rpc`, its full name, was answered. */
  call(rpc: string, code: StatusCode, ms: number): void {
    this.#calls.record(rpc, code, ms);
  }

  /**
   * Everything in the format that the Accept header asks for, gauges as of now. Scrapes at the same
   * time get the same page, so that many of them cost no more than one.
   */
  async page(accept?: string): Promise<MetricsAnswer> {
    const format = formatFor(accept);
    const existing = this.#underWay.get(format);
    if (existing !== undefined) return await existing;
    const writing = this.#write(format).finally(() => this.#underWay.delete(format));
    this.#underWay.set(format, writing);
    return await writing;
  }

  async #write(format: Format): Promise<MetricsAnswer> {
    const page = new Page(format);
    let restAt = linesPerTurn;
    for (const family of await this.#families()) {
      page.begin(family);
      for (const _ of family.write(page)) {
        if (page.lineCount < restAt) continue;
        await this.#nextTurn();
        restAt = page.lineCount + linesPerTurn;
      }
    }
    await this.#nextTurn();
    return { contentType: contentTypes[format], body: page.text() };
  }

  async #families(): Promise<Family[]> {
    const { source } = this.#options;
    const topics = this.#topics.families(await source.topics());
    const backlogs = this.#backlogs.families(await source.backlogs());
    const snapshots = this.#snapshots.families(await source.snapshots());
    await this.#nextTurn();
    const rest = await registryFamilies(this.#registry);
    return [...this.broker.families(), ...topics, ...backlogs, ...snapshots, ...rest];
  }

  async #nextTurn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#options.clock.soon(resolve);
    });
  }
}
