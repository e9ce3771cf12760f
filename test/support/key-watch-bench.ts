import type {
  EncryptionSettings,
  Revision,
  RevisionName,
} from '../../src/vault/services/service.ts';
import type { KeyPlace, KeyState, KeyWatch } from '../../src/vault/keys/key-state.ts';
import { type KeyWatchOptions, openKeyWatch } from '../../src/vault/keys/key-watch.ts';
import type { Revocations } from '../../src/vault/keys/revocations.ts';
import { openRevocations } from '../../src/vault/keys/shutdown-keeper.ts';
import type { KeyService } from '../../src/kms/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { FaultPlan, type MetaStore, openMemoryStore } from '../../src/storage/index.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

export const hourMs = 3_600_000;
export const watchedKey = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';
export const watchedPlace: KeyPlace = { project: 'p', key: watchedKey };

/** Notes as `SEVERITY text`; shutdowns as the revision's id. */
export interface TargetRecord {
  readonly notes: string[];
  readonly shutDown: string[];
  /** Thrown by the next shutdowns. */
  failures: number;
}

export function revisionOf(
  revisionId: string,
  encryption: EncryptionSettings | null,
  createdMs: number = 0,
): Revision {
  const container = { image: 'i', command: [], args: [], env: [], port: 8080, limits: {} };
  const settings = { encryption, minInstances: 0, maxInstances: 1 };
  return {
    name: { project: 'p', location: 'l', serviceId: 's', revisionId },
    uid: revisionId,
    serviceUid: 's',
    generation: 1,
    resourceVersion: '1',
    createdMs,
    creator: 'anonymous',
    template: {
      labels: {},
      annotations: {},
      container,
      containerConcurrency: 80,
      timeoutSeconds: 300,
    },
    settings,
    imageDigest: null,
    conditions: [],
  };
}

/** A watch and the shutdowns that follow from it, over rows in memory that outlive restarts. */
export class KeyWatchBench {
  readonly clock: VirtualClock;
  readonly faults: FaultPlan = new FaultPlan();
  readonly meta: MetaStore;
  readonly target: TargetRecord = { notes: [], shutDown: [], failures: 0 };
  /** `ENABLED`, `REVOKED disabled`, …: what listeners heard. */
  readonly heard: string[] = [];
  readonly observed: string[] = [];
  readonly #keys: KeyService;
  readonly #more: Partial<KeyWatchOptions>;
  #watch: (KeyWatch & { close(): Promise<void> }) | null = null;
  #revocations: (Revocations & { close(): Promise<void> }) | null = null;

  constructor(keys: KeyService, clock: VirtualClock, more: Partial<KeyWatchOptions> = {}) {
    this.clock = clock;
    this.#keys = keys;
    this.#more = more;
    this.meta = openMemoryStore({ clock, faults: this.faults }).meta;
  }

  get watch(): KeyWatch {
    return this.#watch!;
  }

  get revocations(): Revocations {
    return this.#revocations!;
  }

  async open(): Promise<this> {
    const { clock, meta } = this;
    const ports = { meta, clock, log: silentLogger };
    const observer = {
      keyState: (_place: KeyPlace, state: KeyState): void => void this.observed.push(said(state)),
      keyCall: (): void => undefined,
    };
    const entropy = new SeededEntropy(11);
    this.#watch = await openKeyWatch({
      ...ports,
      keys: this.#keys,
      entropy,
      observer,
      ...this.#more,
    });
    this.#watch.onChange((_place, state) => void this.heard.push(said(state)));
    const target = {
      shutDown: async ({ revisionId }: RevisionName): Promise<void> => {
        if (this.target.failures-- > 0) throw new Error('planned');
        this.target.shutDown.push(revisionId);
      },
      note: (_name: RevisionName, severity: string, text: string): void =>
        void this.target.notes.push(`${severity} ${text}`),
    };
    this.#revocations = await openRevocations({ ...ports, watch: this.#watch, target });
    return this;
  }

  async close(): Promise<void> {
    await this.#revocations?.close();
    await this.#watch?.close();
  }

  /** As after a crash, with `revisions` added again. */
  async restart(revisions: readonly Revision[]): Promise<void> {
    await this.close();
    await this.open();
    for (const revision of revisions) await this.revocations.add(revision);
    await this.clock.settle(20);
  }
}

/** `REVOKED disabled`, `ENABLED`. */
export function said({ condition, cause }: KeyState): string {
  return cause === undefined ? condition : `${condition} ${cause}`;
}
