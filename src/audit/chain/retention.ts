import type { Cancel, Clock, Logger } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import type { AeadKey } from '../../crypto/index.ts';
import type { AnchorKeeper } from './anchor.ts';
import { openAuditSegment } from './audit-segment.ts';
import { type ChainName, chainLogs, chainNames } from './stored-entry.ts';

/** Days that entries are kept, each at least this long. */
export type RetentionDays = Readonly<Record<ChainName, number>>;

const dayMs = 86_400_000;
const everyMs = 3_600_000;

export interface RetentionPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly anchors: AnchorKeeper;
  readonly clock: Clock;
  readonly log: Logger;
  readonly days: RetentionDays;
}

/**
 * Trims what is past its time, every hour. The anchor is moved first: it holds the hash that the
 * first entry kept must follow, so that a beginning which was cut by others is told from ours.
 */
export class Retention {
  readonly #ports: RetentionPorts;
  #cancel: Cancel | null = null;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(ports: RetentionPorts) {
    this.#ports = ports;
  }

  /** Trims now, and from then on every hour. Never rejects. */
  async start(): Promise<void> {
    this.#running = this.#run();
    await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#ports;
    try {
      for (const name of chainNames) await this.#trim(name);
    } catch (error) {
      log.warn({ err: error }, 'The audit log cannot be trimmed');
    }
    if (this.#isClosed) return;
    this.#cancel = clock.schedule(clock.monotonicMs() + everyMs, () => void this.start());
  }

  async #trim(name: ChainName): Promise<void> {
    const { store, key, anchors, clock, days } = this.#ports;
    const oldestMs = clock.wallMs() - days[name] * dayMs;
    if (name === 'activity') anchors.forgetIncidentsBefore(oldestMs);
    const log = chainLogs[name];
    const below = await store.locate(log, oldestMs);
    if (below <= anchors.anchor(name).trim) return;
    const [segment] = await store.read(log, below, 0);
    // The last segment stays in any case; a damaged one cannot begin the chain.
    if (segment === undefined || segment.base !== below) return;
    const [first] = openAuditSegment(name, segment, key).entries;
    if (first?.opened == null) return;
    anchors.set(name, { trim: below, trusted: first.opened.previous });
    await anchors.save();
    await store.trim([{ log, below }]);
  }
}
