import type { LayerKeys } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { type Clock, draw, type Entropy } from '../../runtime/index.ts';
import type { ImageVault } from '../images/image-vault.ts';
import type { OpenedInstances } from '../instances/instance-supervisor.ts';
import { keptImages } from './deployer.ts';
import type { Lanes } from './lanes.ts';
import type { Registrations } from './registrations.ts';
import type { Revision, RevisionName, ServiceName } from './service.ts';
import {
  checkOf,
  prefixes,
  putOf,
  type Removal,
  type RowChange,
  rowKeys,
  type ServiceRows,
  type Stored,
  type StoredService,
} from './service-rows.ts';
import { isReachable, namedRevisions } from './traffic.ts';

export interface RemovalsOptions {
  readonly rows: ServiceRows;
  readonly lanes: Lanes;
  readonly registrations: Registrations;
  readonly images: Pick<ImageVault, 'release'>;
  readonly instances: Pick<OpenedInstances, 'stopRevision' | 'forget'>;
  readonly layerKeys: Pick<LayerKeys, 'shred'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly revisionsMax: number;
}

/**
 * Ends of revisions and services. Rows go at once, with a row that says what else must follow:
 * instances, watches, images, and for a whole service its wrapped DEKs. Logs stay, as in Cloud
 * Logging, until newer ones need their place.
 */
export class Removals {
  readonly #options: RemovalsOptions;

  constructor(options: RemovalsOptions) {
    this.#options = options;
  }

  /** What remained to be done when the process ended. */
  async resume(): Promise<void> {
    const found = await this.#options.rows.all<Removal>(prefixes.removal);
    for (const { value } of found) this.#enqueue(value);
  }

  /** Deletes a service's rows, all in one, and begins what follows. */
  async removeService(service: Stored<StoredService>): Promise<boolean> {
    const { rows, lanes } = this.#options;
    const { name, shortHost } = service.value;
    const [revisions, policy] = await Promise.all([rows.revisionsOf(name), rows.policy(name)]);
    const removal = this.#removal(service.value, revisions, true);
    const keys = [
      service.key,
      ...revisions.map(({ key }) => key),
      ...(policy === null ? [] : [policy.key]),
      ...(shortHost === null ? [] : [rowKeys.host(shortHost)]),
    ];
    const change = {
      checks: [checkOf(service), ...(policy === null ? [] : [checkOf(policy)])],
      puts: [...keys.map((key) => putOf(key, null)), putOf(rowKeys.removal(removal.id), removal)],
    };
    if (!(await rows.commit(change))) return false;
    lanes.interrupt(service.key, Infinity);
    this.#enqueue(removal);
    return true;
  }

  /** @throws RpcError FAILED_PRECONDITION for a revision that is in use */
  async removeRevision(
    service: Stored<StoredService>,
    revision: Stored<Revision>,
  ): Promise<boolean> {
    const { revisionId } = revision.value.name;
    const why = usedAs(service.value, revisionId);
    if (why !== null) {
      const text = `Revision '${revisionId}' cannot be deleted: it is ${why}.`;
      throw new RpcError('FAILED_PRECONDITION', 'REVISION_IN_USE', text);
    }
    return this.#remove(service, [revision]);
  }

  /** Removes the oldest revisions that nothing leads to while there are more than may be. */
  async prune(name: ServiceName): Promise<void> {
    for (let isDone = false; !isDone;) {
      const service = await this.#options.rows.service(name);
      const surplus = service === null ? [] : await this.#surplus(service.value);
      isDone = service === null || surplus.length === 0 || (await this.#remove(service, surplus));
    }
  }

  async #surplus(service: StoredService): Promise<Stored<Revision>[]> {
    const { rows, revisionsMax } = this.#options;
    const revisions = await rows.revisionsOf(service.name);
    const unused = revisions
      .filter(({ value }) => usedAs(service, value.name.revisionId) === null)
      .toSorted((a, b) => a.value.generation - b.value.generation);
    return unused.slice(0, Math.max(0, revisions.length - revisionsMax));
  }

  async #remove(
    service: Stored<StoredService>,
    revisions: readonly Stored<Revision>[],
  ): Promise<boolean> {
    const removal = this.#removal(service.value, revisions, false);
    const change: RowChange = {
      checks: [service, ...revisions].map(checkOf),
      puts: [
        ...revisions.map(({ key }) => putOf(key, null)),
        putOf(rowKeys.removal(removal.id), removal),
      ],
    };
    if (!(await this.#options.rows.commit(change))) return false;
    this.#enqueue(removal);
    return true;
  }

  #removal(
    { name, uid }: StoredService,
    revisions: readonly Stored<Revision>[],
    isWhole: boolean,
  ): Removal {
    return {
      id: Buffer.from(draw(this.#options.entropy, 16)).toString('hex'),
      service: name,
      serviceUid: uid,
      revisionIds: revisions.map(({ value }) => value.name.revisionId),
      isWhole,
    };
  }

  #enqueue(removal: Removal): void {
    this.#options.lanes.add(rowKeys.service(removal.service), {
      what: removal.isWhole ? 'removal of a service' : 'removal of revisions',
      generation: null,
      run: (signal) => this.#run(removal, signal),
    });
  }

  /** Every step may be done twice. */
  async #run(removal: Removal, signal: AbortSignal): Promise<void> {
    const { rows, registrations, instances, images, layerKeys } = this.#options;
    const why = removal.isWhole ? 'service deleted' : 'revision deleted';
    for (const revisionId of removal.revisionIds) {
      if (signal.aborted) return;
      const name: RevisionName = { ...removal.service, revisionId };
      await instances.stopRevision(name, why);
      await registrations.remove(name);
    }
    const keeps = removal.isWhole ? new Set<string>() : await keptImages(rows, removal.service);
    await images.release(removal.serviceUid, keeps);
    if (removal.isWhole) {
      await instances.forget(removal.service);
      await layerKeys.shred(removal.serviceUid);
    }
    await rows.commit({ checks: [], puts: [putOf(rowKeys.removal(removal.id), null)] });
  }
}

/** Why a revision must stay, or null. */
function usedAs(service: StoredService, revisionId: string): string | null {
  if (isReachable(service.servedTraffic, revisionId)) return 'actively serving traffic';
  if (namedRevisions(service.spec.traffic).includes(revisionId)) return 'named by spec.traffic';
  if (service.latestCreatedRevisionId === revisionId) return 'the latest created revision';
  if (service.latestReadyRevisionId === revisionId) return 'the latest ready revision';
  return null;
}
