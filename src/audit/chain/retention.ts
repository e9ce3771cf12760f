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
    const { store, anchors, clock, days } = this.#ports;
    const oldestMs = clock.wallMs() - days[name] * dayMs;
    if (name === 'activity') anchors.forgetIncidentsBefore(oldestMs);
    const log = chainLogs[name];
    const below = await store.locate(log, oldestMs);
    if (below <= anchors.anchor(name).trim) return;
    // A beginning that others cut must not pass for one that we trimmed.
    const [last] = await store.read(log, below - 1, 0);
    if (last === undefined || last.base >= below || last.timeMs >= oldestMs) return;
    const trusted = await this.#hashBefore(name, below);
    if (trusted === null) return;
    anchors.set(name, { trim: below, trusted });
    await anchors.save();
    await store.trim([{ log, below }]);
  }

  /** What the first entry that stays follows; null if that entry is damaged. */
  async #hashBefore(name: ChainName, below: number): Promise<Uint8Array | null> {
    const { store, key, anchors } = this.#ports;
    // The store keeps the last segment in any case; nobody reads what is below the trim.
    const { next, hash } = anchors.anchor(name);
    if (below === next) return hash;
    const [segment] = await store.read(chainLogs[name], below, 0);
    if (segment?.base !== below) return null;
    return openAuditSegment(name, segment, key).entries[0]?.opened?.previous ?? null;
  }
}
