import type { Clock, Logger } from '../../runtime/index.ts';
import type { ImageVault, ImportProgress } from '../images/image-vault.ts';
import type { Instances } from '../instances/instances.ts';
import type { KeyWatch } from '../keys/key-state.ts';
import type { LogSeverity, ServiceLogs } from '../logs/service-logs.ts';
import {
  type DeployFault,
  type DeployTimes,
  failedRevision,
  type Fault,
  importedRevision,
  readyRevision,
} from './conditions.ts';
import { Deployment, type DeployOutcome } from './deployment.ts';
import { Gate, type Lanes } from './lanes.ts';
import type { Registrations } from './registrations.ts';
import type { Revision, RevisionName } from './service.ts';
import {
  checkOf,
  nextResourceVersion,
  putOf,
  type RowChange,
  rowKeys,
  type ServiceRows,
  type Stored,
  type StoredService,
} from './service-rows.ts';
import { hasFailed } from './service-views.ts';
import { type Routing, routingOf, settled } from './settlement.ts';

export interface DeployerOptions {
  readonly rows: ServiceRows;
  readonly lanes: Lanes;
  readonly registrations: Registrations;
  readonly watch: Pick<KeyWatch, 'check'>;
  readonly images: Pick<ImageVault, 'import' | 'release'>;
  readonly instances: Pick<Instances, 'start' | 'stopRevision'>;
  readonly logs: Pick<ServiceLogs, 'append'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly patienceMs: number;
  /** After each deployment that changed the service. */
  readonly settled: (service: StoredService) => Promise<void>;
}

/** Imports and starts that run side by side. */
const gateWidth = 4;

interface Pair {
  readonly service: Stored<StoredService>;
  readonly revision: Stored<Revision>;
}

/** Takes revisions from their rows to readiness, and records how it went. */
export class Deployer {
  readonly #options: DeployerOptions;
  readonly #gate = new Gate(gateWidth);

  constructor(options: DeployerOptions) {
    this.#options = options;
  }

  /** Begins or goes on with the deployment that a service's row speaks of, if it does. */
  enqueue({ name, uid, deployment, generation }: StoredService): void {
    if (deployment === null) return;
    const revision = { ...name, revisionId: deployment };
    this.#options.lanes.add(rowKeys.service(name), {
      what: 'deployment of a revision',
      generation,
      run: (signal) => this.#run(revision, uid, signal),
    });
  }

  /** Deploys a revision, unless a newer one, or a newer service, took its place. */
  async #run(name: RevisionName, serviceUid: string, signal: AbortSignal): Promise<void> {
    const pair = await this.#wanted(name);
    if (pair === null) return this.#abandon(name);
    if (pair.service.value.uid !== serviceUid) return;
    await this.#options.registrations.add(pair.revision.value);
    const outcome = await this.#deployment(pair.revision.value, signal).run();
    if (this.#options.lanes.isStopped) return;
    const service = await this.#recorded(name, outcome);
    if (service === null) return this.#abandon(name);
    if (outcome.kind === 'failed') await this.#abandon(name);
    await this.#options.settled(service);
  }

  #deployment(revision: Revision, signal: AbortSignal): Deployment {
    const { watch, images, instances, clock, log, patienceMs } = this.#options;
    const { name } = revision;
    return new Deployment(
      revision,
      {
        watch,
        images,
        instances,
        clock,
        log,
        patienceMs,
        gate: this.#gate,
        progress: (event) => this.#progress(name, event),
        note: (severity, text) => this.#note(name, severity, text),
        imported: (digest, importMs) => this.#imported(name, digest, importMs),
      },
      signal,
    );
  }

  /** The rows of a revision that is still to be deployed. */
  async #wanted(name: RevisionName): Promise<Pair | null> {
    const { rows } = this.#options;
    const service = await rows.service(name);
    if (service?.value.deployment !== name.revisionId) return null;
    const revision = await rows.revision(name);
    return revision && { service, revision };
  }

  #imported(name: RevisionName, digest: string, importMs: number): Promise<Revision | null> {
    const { rows, clock } = this.#options;
    return rows.change(async () => {
      const pair = await this.#wanted(name);
      if (pair === null) return { change: null, result: null };
      const { value } = pair.revision;
      const conditions = importedRevision(value.conditions, clock.wallMs(), importMs);
      const next = changed({ ...value, imageDigest: digest, conditions }, clock.wallMs());
      const change = {
        checks: [checkOf(pair.service), checkOf(pair.revision)],
        puts: [putOf(pair.revision.key, next)],
      };
      return { change, result: next };
    });
  }

  /** What the service is after it; null: it was superseded, and nothing is recorded. */
  async #recorded(name: RevisionName, outcome: DeployOutcome): Promise<StoredService | null> {
    if (outcome.kind === 'ended') return null;
    const { rows } = this.#options;
    const after = await rows.change(async () => {
      const pair = await this.#wanted(name);
      if (pair === null) return { change: null, result: null };
      return outcome.kind === 'ready'
        ? this.#succeeded(pair, outcome.times)
        : this.#failed(pair, outcome.fault);
    });
    if (after === null) return null;
    if (outcome.kind === 'ready') this.#note(name, 'INFO', 'Deploying revision succeeded.');
    else this.#note(name, 'ERROR', outcome.fault.serviceMessage);
    return after;
  }

  async #succeeded(pair: Pair, times: DeployTimes): Promise<Recorded> {
    const nowMs = this.#options.clock.wallMs();
    const { value } = pair.revision;
    const { revisionId } = value.name;
    const routing = await routingOf(this.#options.rows, pair.service.value, revisionId);
    const service = settled(pair.service.value, nowMs, {
      traffic: routing.traffic,
      configuration: null,
      latestReadyRevisionId: revisionId,
    });
    const conditions = readyRevision(value.conditions, nowMs, times);
    return recorded(pair, service, changed({ ...value, conditions }, nowMs), routing);
  }

  /** Traffic stays as it was. */
  async #failed(pair: Pair, fault: DeployFault): Promise<Recorded> {
    const nowMs = this.#options.clock.wallMs();
    const { value } = pair.revision;
    const before = pair.service.value;
    const configuration: Fault = { reason: fault.reason, message: fault.serviceMessage };
    const isServing = before.servedTraffic.length > 0;
    const service = settled(before, nowMs, {
      traffic: isServing
        ? { served: before.servedTraffic, fault: null }
        : { served: null, fault: configuration },
      configuration,
      latestReadyRevisionId: before.latestReadyRevisionId,
    });
    const conditions = failedRevision(value.conditions, nowMs, fault);
    const kept = { ...service, trafficMs: before.trafficMs };
    return recorded(pair, kept, changed({ ...value, conditions }, nowMs), null);
  }

  /** Nothing of a revision that will never serve is left but its row. */
  async #abandon(name: RevisionName): Promise<void> {
    const { registrations, instances, rows, images } = this.#options;
    const row = await rows.revision(name);
    // One that is ready was deployed before, and one without a row is a removal's business.
    if (row === null || !hasFailed(row.value)) return;
    await registrations.remove(name);
    await instances.stopRevision(name, 'deployment failed');
    const keeps = await keptImages(rows, name);
    await images.release(row.value.serviceUid, keeps);
  }

  #progress(name: RevisionName, event: ImportProgress): void {
    if (event.kind === 'resolved') {
      const layers = event.layers === 1 ? '1 layer' : `${event.layers} layers`;
      this.#note(name, 'INFO', `Importing image ${event.digest}: ${layers}.`);
    } else if (event.kind === 'layer' && event.state !== 'started') {
      const state = event.state === 'present' ? 'was here already' : 'is imported';
      this.#note(name, 'INFO', `Layer ${event.index + 1} of ${event.of} ${state}.`);
    }
  }

  #note(revision: RevisionName, severity: LogSeverity, text: string): void {
    const timeMs = this.#options.clock.wallMs();
    this.#options.logs.append({ log: 'varlog/system', severity, revision, timeMs, text });
  }
}

interface Recorded {
  readonly change: RowChange;
  readonly result: StoredService;
}

function recorded(
  pair: Pair,
  service: StoredService,
  revision: Revision,
  routing: Routing | null,
): Recorded {
  return {
    change: {
      checks: [checkOf(pair.service), checkOf(pair.revision), ...(routing?.checks ?? [])],
      puts: [putOf(pair.service.key, service), putOf(pair.revision.key, revision)],
    },
    result: service,
  };
}

function changed(revision: Revision, nowMs: number): Revision {
  return { ...revision, resourceVersion: nextResourceVersion(revision.resourceVersion, nowMs) };
}

/** Digests of the images that a service's revisions may still be started from. */
export async function keptImages(
  rows: ServiceRows,
  name: RevisionName | StoredService['name'],
): Promise<ReadonlySet<string>> {
  const revisions = await rows.revisionsOf(name);
  return new Set(
    revisions.flatMap(({ value }) => (hasFailed(value) ? [] : (value.imageDigest ?? []))),
  );
}
