import { RpcError } from '../../rpc/index.ts';
import { type Clock, draw, type Entropy } from '../../runtime/index.ts';
import { deployingService, newRevision, supersededRevision } from './conditions.ts';
import { canonical, withDefaults } from './rules/spec-defaults.ts';
import { settingsOf } from './rules/settings.ts';
import { checkSpec } from './rules/spec-rules.ts';
import { Violations } from './rules/violations.ts';
import type { RunCaller, ServiceChange } from './run-service.ts';
import type { Revision, RevisionName, ServiceName, ServiceSpec } from './service.ts';
import {
  absent,
  checkOf,
  nextResourceVersion,
  putOf,
  type RowChange,
  rowKeys,
  type ServiceRows,
  type Stored,
  type StoredService,
} from './service-rows.ts';
import { configurationFault, routingOf, settled } from './settlement.ts';
import { namedRevisions } from './traffic.ts';

export interface ServiceChangesOptions {
  readonly rows: ServiceRows;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly isApiHost: (host: string) => boolean;
  /** Decimal digits. */
  readonly projectNumber: (project: string) => Promise<string>;
  /** What is wrong with a reference, seen without asking anybody; null: nothing. */
  readonly imageFault?: (reference: string) => string | null;
}

interface Planned {
  readonly change: RowChange | null;
  readonly result: StoredService;
}

/** Turns what owners ask for into rows. Deployments are others' business. */
export class ServiceChanges {
  readonly #options: ServiceChangesOptions;

  constructor(options: ServiceChangesOptions) {
    this.#options = options;
  }

  async create(
    name: ServiceName,
    asked: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<StoredService> {
    const { rows } = this.#options;
    const number = await this.#options.projectNumber(name.project);
    const spec = this.#checked(name, asked, number);
    return rows.change(async () => {
      if ((await rows.service(name)) !== null) throw alreadyExists(name.serviceId);
      const longHost = `${name.serviceId}-${number}.${name.location}`;
      const shortHost = await this.#freeHost(name.serviceId);
      const blank = this.#blank(name, spec, caller, { longHost, shortHost });
      const planned = await this.#withRevision(blank, caller);
      const host = shortHost === null ? [] : [rowKeys.host(shortHost)];
      return dry(change, {
        change: {
          checks: [absent(rowKeys.service(name)), ...host.map(absent), ...planned.change.checks],
          puts: [...host.map((key) => putOf(key, name)), ...planned.change.puts],
        },
        result: planned.result,
      });
    });
  }

  async replace(
    name: ServiceName,
    asked: ServiceSpec,
    change: ServiceChange,
    caller: RunCaller,
  ): Promise<StoredService> {
    const { rows } = this.#options;
    const stored = await this.existing(name);
    const number = await this.#options.projectNumber(name.project);
    const spec = this.#checked(stored.value.name, asked, number);
    return rows.change(async () => {
      const current = await this.existing(name);
      checkVersion(current.value, change);
      return dry(change, await this.#replaced(current, spec, caller));
    });
  }

  /** @throws RpcError NOT_FOUND in Cloud Run's words */
  async existing(name: ServiceName): Promise<Stored<StoredService>> {
    const found = await this.#options.rows.service(name);
    if (found === null) throw notFound('SERVICE', name.serviceId, name);
    return found;
  }

  async #replaced(
    current: Stored<StoredService>,
    spec: ServiceSpec,
    caller: RunCaller,
  ): Promise<Planned> {
    const { value } = current;
    if (canonical(value.spec) === canonical(spec)) return { change: null, result: value };
    const nowMs = this.#options.clock.wallMs();
    const next: StoredService = {
      ...value,
      spec,
      generation: value.generation + 1,
      lastModifier: caller.principal,
      resourceVersion: nextResourceVersion(value.resourceVersion, nowMs),
    };
    const isSameTemplate = canonical(value.spec.template) === canonical(spec.template);
    const planned = isSameTemplate
      ? await this.#rerouted(next)
      : await this.#redeployed(next, caller);
    const { checks, puts } = planned.change;
    return { change: { checks: [checkOf(current), ...checks], puts }, result: planned.result };
  }

  /** Only the traffic, or what is not of the template, changed. */
  async #rerouted(next: StoredService): Promise<{ change: RowChange; result: StoredService }> {
    const { rows, clock } = this.#options;
    const named = await this.#namedChecks(next, null);
    const key = rowKeys.service(next.name);
    if (next.deployment !== null) {
      return { change: { checks: named, puts: [putOf(key, next)] }, result: next };
    }
    const routing = await routingOf(rows, next, next.latestReadyRevisionId);
    const result = settled(next, clock.wallMs(), {
      traffic: routing.traffic,
      configuration: configurationFault(next),
      latestReadyRevisionId: next.latestReadyRevisionId,
    });
    // The same rows are looked at twice: each is checked once.
    const checks = new Map([...named, ...routing.checks].map((check) => [check.key, check]));
    return { change: { checks: [...checks.values()], puts: [putOf(key, result)] }, result };
  }

  /** A new revision; one that is still on its way ends. */
  async #redeployed(
    next: StoredService,
    caller: RunCaller,
  ): Promise<{ change: RowChange; result: StoredService }> {
    const planned = await this.#withRevision(next, caller);
    if (next.deployment === null) return planned;
    const superseded: RevisionName = { ...next.name, revisionId: next.deployment };
    const older = await this.#options.rows.revision(superseded);
    if (older === null) return planned;
    const nowMs = this.#options.clock.wallMs();
    const newer = planned.result.deployment ?? '';
    const conditions = supersededRevision(older.value.conditions, nowMs, newer);
    const resourceVersion = nextResourceVersion(older.value.resourceVersion, nowMs);
    const { checks, puts } = planned.change;
    return {
      change: {
        checks: [...checks.filter(({ key }) => key !== older.key), checkOf(older)],
        puts: [...puts, putOf(older.key, { ...older.value, conditions, resourceVersion })],
      },
      result: planned.result,
    };
  }

  async #withRevision(
    service: StoredService,
    caller: RunCaller,
  ): Promise<{ change: RowChange; result: StoredService }> {
    const { clock, entropy } = this.#options;
    const nowMs = clock.wallMs();
    const revisionId = service.spec.template.revisionId ?? this.#drawnId(service);
    const name: RevisionName = { ...service.name, revisionId };
    await this.#refuseTaken(name);
    const checks = await this.#namedChecks(service, revisionId);
    const revision: Revision = {
      name,
      uid: drawUid(entropy),
      serviceUid: service.uid,
      generation: service.generation,
      resourceVersion: nextResourceVersion(null, nowMs),
      createdMs: nowMs,
      creator: caller.principal,
      template: service.spec.template,
      settings: settingsOf(service.spec.template),
      imageDigest: null,
      conditions: newRevision(nowMs),
    };
    const result: StoredService = {
      ...service,
      latestCreatedRevisionId: revisionId,
      deployment: revisionId,
      conditions: deployingService(service.conditions, nowMs),
    };
    const key = rowKeys.revision(name);
    return {
      change: {
        checks: [absent(key), ...checks],
        puts: [putOf(rowKeys.service(service.name), result), putOf(key, revision)],
      },
      result,
    };
  }

  async #refuseTaken(name: RevisionName): Promise<void> {
    if ((await this.#options.rows.revision(name)) === null) return;
    const text = `Revision named '${name.revisionId}' with different configuration already exists.`;
    throw new RpcError('ALREADY_EXISTS', 'REVISION_NAME_TAKEN', text);
  }

  /** Revisions that traffic names exist, and still do when the change is written. */
  async #namedChecks(
    { name, spec }: StoredService,
    newRevisionId: string | null,
  ): Promise<{ key: string; version: number }[]> {
    const violations = new Violations();
    const checks: { key: string; version: number }[] = [];
    for (const revisionId of namedRevisions(spec.traffic)) {
      if (revisionId === newRevisionId) continue;
      const row = await this.#options.rows.revision({ ...name, revisionId });
      if (row !== null) checks.push(checkOf(row));
      else {
        const index = spec.traffic.findIndex((target) => target.revisionId === revisionId);
        const field = `spec.traffic[${index}].revisionName`;
        violations.add(field, `Revision '${revisionId}' does not exist.`);
      }
    }
    violations.raise();
    return checks;
  }

  #checked(name: ServiceName, asked: ServiceSpec, projectNumber: string): ServiceSpec {
    const account = `${projectNumber}-compute@developer.gserviceaccount.com`;
    const spec = withDefaults(asked, account);
    checkSpec(name, spec);
    const fault = this.#options.imageFault?.(spec.template.container.image) ?? null;
    if (fault !== null) {
      const violations = new Violations();
      violations.add('spec.template.spec.containers[0].image', fault);
      violations.raise();
    }
    return spec;
  }

  /** A host name of its own for the first service of that id, if the API does not use it. */
  async #freeHost(serviceId: string): Promise<string | null> {
    if (this.#options.isApiHost(`${serviceId}.localhost`)) return null;
    return (await this.#options.rows.host(serviceId)) === null ? serviceId : null;
  }

  /** `hello-00003-wqx`, as Cloud Run names them. */
  #drawnId({ name, generation }: StoredService): string {
    const letters = [...draw(this.#options.entropy, 3)].map((byte) =>
      String.fromCodePoint(0x61 + (byte % 26)),
    );
    return `${name.serviceId}-${String(generation).padStart(5, '0')}-${letters.join('')}`;
  }

  #blank(
    name: ServiceName,
    spec: ServiceSpec,
    { principal }: RunCaller,
    hosts: Pick<StoredService, 'shortHost' | 'longHost'>,
  ): StoredService {
    const nowMs = this.#options.clock.wallMs();
    return {
      name,
      uid: drawUid(this.#options.entropy),
      spec,
      generation: 1,
      resourceVersion: nextResourceVersion(null, nowMs),
      createdMs: nowMs,
      creator: principal,
      lastModifier: principal,
      observedGeneration: 0,
      latestCreatedRevisionId: null,
      latestReadyRevisionId: null,
      servedTraffic: [],
      conditions: [],
      deployment: null,
      trafficMs: nowMs,
      ...hosts,
    };
  }
}

function dry(change: ServiceChange, planned: Planned): Planned {
  return change.isDryRun === true ? { change: null, result: planned.result } : planned;
}

/** @throws RpcError ABORTED in Cloud Run's words if the caller saw another version */
export function checkVersion(service: StoredService, { resourceVersion }: ServiceChange): void {
  if (resourceVersion === undefined || resourceVersion === '') return;
  if (resourceVersion === service.resourceVersion) return;
  const versions = `version '${resourceVersion}' was specified but current version is`;
  const text = `Conflict for resource '${service.name.serviceId}': ${versions}`;
  throw new RpcError('ABORTED', 'CONCURRENT_CHANGE', `${text} '${service.resourceVersion}'.`);
}

function alreadyExists(id: string): RpcError {
  return new RpcError('ALREADY_EXISTS', 'RESOURCE_EXISTS', `Resource '${id}' already exists.`);
}

export function notFound(
  kind: 'SERVICE' | 'REVISION',
  id: string,
  { project, location }: ServiceName,
): RpcError {
  const place = `of kind '${kind}' in region '${location}' in project '${project}'`;
  const text = `Resource '${id}' ${place} does not exist.`;
  return new RpcError('NOT_FOUND', 'RESOURCE_NOT_FOUND', text);
}

/** A random UUID (RFC 9562, version 4). */
function drawUid(entropy: Entropy): string {
  const bytes = draw(entropy, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts
    .slice(1)
    .map((end, index) => hex.slice(cuts[index], end))
    .join('-');
}
