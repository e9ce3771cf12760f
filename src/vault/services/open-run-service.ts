import type { LayerKeys } from '../../envelope/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { FrontTarget } from '../front/service-front.ts';
import type { ImageVault } from '../images/image-vault.ts';
import type { InstanceReport } from '../instances/instances.ts';
import type { OpenedInstances } from '../instances/instance-supervisor.ts';
import type { KeyWatch } from '../keys/key-state.ts';
import type { Revocations } from '../keys/revocations.ts';
import type { ServiceLogs } from '../logs/service-logs.ts';
import { Deployer } from './deployer.ts';
import { Lanes } from './lanes.ts';
import { listed, rangeOf } from './lists.ts';
import { Policies } from './policies.ts';
import type { ServicePolicies } from './policy-mirror.ts';
import { Registrations } from './registrations.ts';
import { Removals } from './removals.ts';
import type {
  RunCaller,
  RunList,
  RunPage,
  RunPolicy,
  RunService,
  ServiceChange,
} from './run-service.ts';
import type { Revision, RevisionName, Service, ServiceName, ServiceSpec } from './service.ts';
import { checkVersion, notFound, ServiceChanges } from './service-changes.ts';
import {
  contention,
  prefixes,
  rowKeys,
  ServiceRows,
  type Stored,
  type StoredService,
} from './service-rows.ts';
import { hasFailed, revisionLabels, serviceLabels, ServiceViews } from './service-views.ts';
import { TrafficBoard } from './traffic-board.ts';

export interface RunServiceOptions {
  /** The vault's own, sealed. */
  readonly meta: MetaStore;
  readonly watch: Pick<KeyWatch, 'check' | 'known' | 'watch' | 'unwatch'>;
  readonly images: Pick<ImageVault, 'import' | 'release'>;
  readonly instances: Pick<OpenedInstances, 'start' | 'stopRevision' | 'reports' | 'forget'>;
  readonly revocations: Pick<Revocations, 'add' | 'remove'>;
  readonly logs: Pick<ServiceLogs, 'append'>;
  readonly layerKeys: Pick<LayerKeys, 'shred'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  /** `http://PREFIX.localhost:8085` for `PREFIX`. */
  readonly urlOf: (hostPrefix: string) => string;
  /** Whether a host name, without port, is the API's. */
  readonly isApiHost: (host: string) => boolean;
  /** Decimal digits. */
  readonly projectNumber: (project: string) => Promise<string>;
  /** What is wrong with an image's reference, seen without asking anybody; null: nothing. */
  readonly imageFault?: (reference: string) => string | null;
  /** Called with all targets after each change, and at `resume`. */
  readonly onTraffic: (targets: readonly FrontTarget[]) => void;
  /** How long a deployment waits for a key or a registry that is away; 5 minutes. */
  readonly patienceMs?: number;
  /** Revisions of a service that are kept; 1,000. */
  readonly revisionsMax?: number;
}

export interface OpenRunService extends RunService {
  /** For decisions; read by `resume`. */
  readonly policies: ServicePolicies;
  /** Goes on with what was under way when the process ended. Call it once, before any other. */
  resume(): Promise<void>;
  /** Ends work in the background; what is not done is done after the next `resume`. */
  stop(): Promise<void>;
  /** Resolves when no deployment and no removal is under way. */
  idle(): Promise<void>;
}

const patienceMsDefault = 300_000;
const revisionsMaxDefault = 1_000;
const triesMax = 100;

export function openRunService(options: RunServiceOptions): OpenRunService {
  return new StoredRunService(options);
}

class StoredRunService implements OpenRunService {
  readonly #options: RunServiceOptions;
  readonly #rows: ServiceRows;
  readonly #lanes: Lanes;
  readonly #registrations: Registrations;
  readonly #views: ServiceViews;
  readonly #changes: ServiceChanges;
  readonly #policies: Policies;
  readonly #removals: Removals;
  readonly #deployer: Deployer;
  readonly #board: TrafficBoard;

  constructor(options: RunServiceOptions) {
    const { clock, entropy, log, patienceMs, revisionsMax } = options;
    this.#options = options;
    const rows = new ServiceRows(options.meta);
    const lanes = new Lanes(clock, log);
    const registrations = new Registrations(options.watch, options.revocations);
    this.#rows = rows;
    this.#lanes = lanes;
    this.#registrations = registrations;
    this.#views = new ServiceViews({ ...options, registrations });
    this.#changes = new ServiceChanges({ ...options, rows });
    this.#policies = new Policies(rows, this.#changes, entropy);
    this.#board = new TrafficBoard(this.#views, options.onTraffic);
    const parts = { ...options, rows, lanes, registrations };
    this.#removals = new Removals({ ...parts, revisionsMax: revisionsMax ?? revisionsMaxDefault });
    this.#deployer = new Deployer({
      ...parts,
      patienceMs: patienceMs ?? patienceMsDefault,
      settled: (service) => this.#settled(service),
    });
  }

  get policies(): ServicePolicies {
    return this.#rows.policies;
  }

  async resume(): Promise<void> {
    await this.#rows.loadPolicies();
    await this.#removals.resume();
    const services = await this.#rows.all<StoredService>(prefixes.service);
    for (const { value } of await this.#rows.all<Revision>(prefixes.revision)) {
      if (!hasFailed(value)) await this.#registrations.add(value);
    }
    this.#board.reset(services.map(({ value }) => value));
    for (const { value } of services) this.#deployer.enqueue(value);
  }

  stop(): Promise<void> {
    return this.#lanes.stop();
  }

  idle(): Promise<void> {
    return this.#lanes.idle();
  }

  async create(
    name: ServiceName,
    spec: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<Service> {
    const stored = await this.#changes.create(name, spec, change, caller);
    return this.#written(stored, null, change);
  }

  async replace(
    name: ServiceName,
    spec: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<Service> {
    const before = await this.#changes.existing(name);
    const stored = await this.#changes.replace(name, spec, change, caller);
    return this.#written(stored, before.value.deployment, change);
  }

  /** Tells the front, and begins the deployment that was not under way. */
  #written(stored: StoredService, deploying: string | null, change: ServiceChange): Service {
    if (change.isDryRun !== true) {
      this.#board.set(stored);
      if (stored.deployment !== deploying) {
        this.#lanes.interrupt(rowKeys.service(stored.name), stored.generation);
        this.#deployer.enqueue(stored);
      }
    }
    return this.#views.service(stored);
  }

  async get(name: ServiceName): Promise<Service> {
    return this.#views.service((await this.#changes.existing(name)).value);
  }

  list(request: RunList): Promise<RunPage<Service>> {
    return listed<StoredService, Service>({
      rows: this.#rows,
      prefix: prefixes.service,
      under: rangeOf(prefixes.service, request),
      request,
      labelsOf: serviceLabels,
      shown: (stored) => Promise.resolve(this.#views.service(stored)),
    });
  }

  async delete(name: ServiceName, change: ServiceChange, _caller: RunCaller): Promise<void> {
    for (let tries = 0; tries < triesMax; tries++) {
      const service = await this.#changes.existing(name);
      checkVersion(service.value, change);
      if (change.isDryRun === true) return;
      if (!(await this.#removals.removeService(service))) continue;
      this.#board.delete(service.value);
      return;
    }
    throw contention();
  }

  async getRevision(name: RevisionName): Promise<Revision> {
    const { service, revision } = await this.#revision(name);
    return this.#views.revision(revision.value, service.value);
  }

  listRevisions(request: RunList): Promise<RunPage<Revision>> {
    const services = new Map<string, Promise<Stored<StoredService> | null>>();
    const range = rangeOf(prefixes.revision, request);
    const serviceId = request.labels['serving.knative.dev/service'];
    const isOne = serviceId !== undefined && range.split('/').length === 5;
    return listed<Revision, Revision>({
      rows: this.#rows,
      prefix: prefixes.revision,
      under: isOne ? `${range}${serviceId}/` : range,
      request,
      labelsOf: revisionLabels,
      shown: async (revision) => {
        const key = rowKeys.service(revision.name);
        const asked = services.get(key) ?? this.#rows.service(revision.name);
        services.set(key, asked);
        const service = await asked;
        return service && this.#views.revision(revision, service.value);
      },
    });
  }

  async deleteRevision(name: RevisionName, _caller: RunCaller): Promise<void> {
    for (let tries = 0; tries < triesMax; tries++) {
      const { service, revision } = await this.#revision(name);
      if (await this.#removals.removeRevision(service, revision)) return;
    }
    throw contention();
  }

  getPolicy(name: ServiceName): Promise<RunPolicy> {
    return this.#policies.get(name);
  }

  setPolicy(name: ServiceName, policy: RunPolicy): Promise<RunPolicy> {
    return this.#policies.set(name, policy);
  }

  async listInstances(name: ServiceName): Promise<readonly InstanceReport[]> {
    await this.#changes.existing(name);
    return this.#options.instances.reports(name);
  }

  async #revision(
    name: RevisionName,
  ): Promise<{ service: Stored<StoredService>; revision: Stored<Revision> }> {
    const [service, revision] = await Promise.all([
      this.#rows.service(name),
      this.#rows.revision(name),
    ]);
    if (service === null || revision === null) throw notFound('REVISION', name.revisionId, name);
    return { service, revision };
  }

  /** Read anew: it may have been deleted meanwhile. */
  async #settled({ name }: StoredService): Promise<void> {
    const service = await this.#rows.service(name);
    if (service === null) return;
    this.#board.set(service.value);
    await this.#removals.prune(name);
  }
}
