import type { FrontTarget } from '../front/service-front.ts';
import { rowKeys, type StoredService } from './service-rows.ts';
import type { ServiceViews } from './service-views.ts';
import { frontTargets } from './traffic.ts';

interface Shown {
  readonly uid: string;
  readonly order: bigint;
  readonly targets: readonly FrontTarget[];
}

/** Where requests are to go, as the front is told: all services at once, after each change. */
export class TrafficBoard {
  readonly #views: Pick<ServiceViews, 'hosts'>;
  readonly #tell: (targets: readonly FrontTarget[]) => void;
  readonly #shown = new Map<string, Shown>();

  constructor(views: Pick<ServiceViews, 'hosts'>, tell: (targets: readonly FrontTarget[]) => void) {
    this.#views = views;
    this.#tell = tell;
  }

  reset(services: readonly StoredService[]): void {
    this.#shown.clear();
    for (const service of services) this.#put(service);
    this.#publish();
  }

  /** Two writers may report in either order: the later row stands. */
  set(service: StoredService): void {
    if (this.#put(service)) this.#publish();
  }

  delete({ name, uid }: StoredService): void {
    const key = rowKeys.service(name);
    if (this.#shown.get(key)?.uid !== uid) return;
    this.#shown.delete(key);
    this.#publish();
  }

  #put(service: StoredService): boolean {
    const { name, uid, servedTraffic, resourceVersion } = service;
    const key = rowKeys.service(name);
    const order = BigInt(resourceVersion);
    const known = this.#shown.get(key);
    if (known !== undefined && known.order > order) return false;
    const targets = frontTargets(name, this.#views.hosts(service), servedTraffic);
    this.#shown.set(key, { uid, order, targets });
    return true;
  }

  #publish(): void {
    this.#tell([...this.#shown.values()].flatMap(({ targets }) => targets));
  }
}
