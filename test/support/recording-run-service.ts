import { RpcError } from '../../src/rpc/index.ts';
import type {
  Condition,
  Revision,
  RevisionName,
  RunCaller,
  RunList,
  RunPage,
  RunPolicy,
  RunService,
  Service,
  ServiceChange,
  ServiceName,
  ServiceSpec,
} from '../../src/vault/index.ts';
import { revisionNameOf, serviceNameOf } from '../../src/vault/services/service.ts';
import { settingsOf } from '../../src/vault/services/rules/settings.ts';
import { canonical, withDefaults } from '../../src/vault/services/rules/spec-defaults.ts';
import { checkSpec } from '../../src/vault/services/rules/spec-rules.ts';
import { routed } from '../../src/vault/services/traffic.ts';

export const recordedDigest: string = `sha256:${'ab'.repeat(32)}`;

/** Services in memory under the vault's own rules, each deployed the moment it is asked for. */
export class RecordingRunService implements RunService {
  readonly services: Map<string, Service> = new Map();
  readonly revisions: Map<string, Revision> = new Map();
  readonly calls: { readonly name: string; readonly change: ServiceChange }[] = [];
  /** Deployments fail with it. */
  fault: { readonly reason: string; readonly message: string } | null = null;
  instances: Awaited<ReturnType<RunService['listInstances']>> = [];
  readonly #policies: Map<string, RunPolicy> = new Map();
  #version = 0;
  #nowMs = Date.UTC(2026, 0, 2);

  async create(
    name: ServiceName,
    given: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<Service> {
    const key = serviceNameOf(name);
    if (this.services.has(key)) throw refusal('ALREADY_EXISTS', `${key} already exists.`);
    return this.#write(name, given, change, caller, null);
  }

  async replace(
    name: ServiceName,
    given: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<Service> {
    const before = await this.get(name);
    const { resourceVersion = before.resourceVersion } = change;
    if (resourceVersion !== before.resourceVersion) {
      throw refusal('ABORTED', `Conflict for resource '${name.serviceId}'.`);
    }
    return this.#write(name, given, change, caller, before);
  }

  async get(name: ServiceName): Promise<Service> {
    const found = this.services.get(serviceNameOf(name));
    if (found !== undefined) return found;
    throw refusal('NOT_FOUND', `Resource '${name.serviceId}' was not found.`);
  }

  async list(request: RunList): Promise<RunPage<Service>> {
    const all = [...this.services.values()].filter(({ name }) => isIn(name, request));
    return pageOf(
      all.filter(({ spec }) => hasLabels(spec.labels, request.labels)),
      request,
    );
  }

  async delete(name: ServiceName, { isDryRun }: ServiceChange): Promise<void> {
    await this.get(name);
    if (isDryRun === true) return;
    this.services.delete(serviceNameOf(name));
    for (const [key, { name: each }] of this.revisions) {
      if (serviceNameOf(each) === serviceNameOf(name)) this.revisions.delete(key);
    }
  }

  async getRevision(name: RevisionName): Promise<Revision> {
    const found = this.revisions.get(revisionNameOf(name));
    if (found !== undefined) return found;
    throw refusal('NOT_FOUND', `Revision '${name.revisionId}' was not found.`);
  }

  async listRevisions(request: RunList): Promise<RunPage<Revision>> {
    const all = [...this.revisions.values()].filter(({ name }) => isIn(name, request));
    const labelled = all.filter(({ template, name }) =>
      hasLabels(
        { ...template.labels, 'serving.knative.dev/service': name.serviceId },
        request.labels,
      ),
    );
    return pageOf(labelled, request);
  }

  async deleteRevision(name: RevisionName): Promise<void> {
    const service = await this.get(name);
    if (service.servedTraffic.some(({ revisionId }) => revisionId === name.revisionId)) {
      throw refusal('FAILED_PRECONDITION', `Revision '${name.revisionId}' serves traffic.`);
    }
    this.revisions.delete(revisionNameOf(name));
  }

  async getPolicy(name: ServiceName): Promise<RunPolicy> {
    await this.get(name);
    const empty = { version: 1, bindings: [], etag: 'ACAB' };
    return this.#policies.get(serviceNameOf(name)) ?? empty;
  }

  async setPolicy(name: ServiceName, policy: RunPolicy): Promise<RunPolicy> {
    await this.get(name);
    const etag = Buffer.from(String(++this.#version)).toString('base64');
    const kept = { ...policy, version: 1, etag };
    this.#policies.set(serviceNameOf(name), kept);
    return kept;
  }

  async listInstances(name: ServiceName): ReturnType<RunService['listInstances']> {
    await this.get(name);
    return this.instances;
  }

  #write(
    name: ServiceName,
    given: ServiceSpec,
    change: ServiceChange,
    { principal }: RunCaller,
    before: Service | null,
  ): Service {
    const spec = withDefaults(given, '1-compute@developer.gserviceaccount.com');
    checkSpec(name, spec);
    this.calls.push({ name: serviceNameOf(name), change });
    const generation = (before?.generation ?? 0) + 1;
    const isNew = canonical(before?.spec.template) !== canonical(spec.template);
    const revisionId =
      spec.template.revisionId ?? `${name.serviceId}-${String(generation).padStart(5, '0')}-abc`;
    const created = isNew ? revisionId : before!.latestCreatedRevisionId;
    const ready = this.fault === null ? created : (before?.latestReadyRevisionId ?? null);
    const known = (id: string): boolean =>
      id === ready || this.revisions.has(revisionNameOf({ ...name, revisionId: id }));
    const { served } = routed(spec.traffic, ready, known);
    const service: Service = {
      name,
      uid: before?.uid ?? `uid-${name.serviceId}`,
      spec,
      generation,
      resourceVersion: `v${String(++this.#version)}`,
      createdMs: before?.createdMs ?? this.#tick(),
      creator: before?.creator ?? principal,
      lastModifier: principal,
      observedGeneration: generation,
      latestCreatedRevisionId: created,
      latestReadyRevisionId: ready,
      servedTraffic: served ?? before?.servedTraffic ?? [],
      conditions: this.#conditions(['Ready', 'ConfigurationsReady', 'RoutesReady']),
      url: `http://${name.serviceId}.localhost:8085`,
    };
    if (change.isDryRun === true) return service;
    this.services.set(serviceNameOf(name), service);
    if (isNew) this.#addRevision({ ...name, revisionId }, service);
    return service;
  }

  #addRevision(name: RevisionName, { spec, uid, generation, creator }: Service): void {
    this.revisions.set(revisionNameOf(name), {
      name,
      uid: `uid-${name.revisionId}`,
      serviceUid: uid,
      generation,
      resourceVersion: 'r1',
      createdMs: this.#tick(),
      creator,
      template: spec.template,
      settings: settingsOf(spec.template),
      imageDigest: recordedDigest,
      conditions: this.#conditions(['Ready', 'Active', 'ContainerHealthy', 'ResourcesAvailable']),
    });
  }

  #conditions(types: readonly string[]): Condition[] {
    const lastTransitionMs = this.#tick();
    const outcome =
      this.fault === null
        ? { status: 'True' as const }
        : { status: 'False' as const, ...this.fault };
    return types.map((type) => ({ type, ...outcome, lastTransitionMs }));
  }

  #tick(): number {
    return (this.#nowMs += 1_000);
  }
}

function refusal(code: ConstructorParameters<typeof RpcError>[0], message: string): RpcError {
  return new RpcError(code, 'RECORDED', message);
}

function isIn(name: ServiceName, { project, location }: RunList): boolean {
  return name.project === project && (location === '-' || name.location === location);
}

function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function pageOf<Item>(items: readonly Item[], request: RunList): RunPage<Item> {
  const from = Number(request.continueToken);
  const below = from + (request.limit === 0 ? 100 : request.limit);
  const continueToken = below < items.length ? String(below) : '';
  return { items: items.slice(from, below), continueToken };
}
