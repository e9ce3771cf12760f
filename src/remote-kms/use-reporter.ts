import { create } from '@bufbuild/protobuf';

import {
  KeyWatch,
  ReportUseRequestSchema,
  VersionUseSchema,
  type VersionUse,
} from '../proto/sealpost/v1/key_watch_pb.ts';
import { RpcError } from '../rpc/index.ts';
import type { Cancel, Clock, Logger } from '../runtime/index.ts';
import type { KmsChannel } from './kms-channel.ts';
import type { ReportedUse } from './key-watch-hub.ts';
import {
  callDeadlineMs,
  reportDelayMs,
  reportIntervalMs,
  reportPauseFactor,
} from './remote-limits.ts';

/** Which versions the stored messages depend on now. */
export type UseSource = () => Promise<readonly ReportedUse[]>;

export interface UseReporterOptions {
  readonly channel: Pick<KmsChannel, 'unary'>;
  readonly watcherId: string;
  readonly source: UseSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Full names that one report carries per version (key_watch.proto VersionUse.topics). */
const topicsMax = 100;

/** Tells a Sealpost key service what would become unreadable, so that it guards the versions. */
export class UseReporter {
  readonly #options: UseReporterOptions;
  #next: Cancel | undefined;
  #nextMs = 0;
  /** Before it no report begins, whatever calls for one. */
  #restMs = 0;
  /** Between `start` and `stop`. */
  #isOn = false;
  #isReporting = false;
  #isStale = false;

  constructor(options: UseReporterOptions) {
    this.#options = options;
  }

  /** A watch has begun, perhaps of a service that knows nothing: reports at once, then regularly. */
  start(): void {
    this.#isOn = true;
    if (this.#isReporting) this.#isStale = true;
    else this.#schedule(0);
  }

  stop(): void {
    this.#isOn = false;
    this.#next?.();
    this.#next = undefined;
  }

  /** Something changed; with all that changes within a second it makes one report. */
  changed(): void {
    if (!this.#isOn) return;
    if (this.#isReporting) this.#isStale = true;
    else this.#schedule(reportDelayMs);
  }

  /** Nothing that is planned is put off; nothing begins in the pause after a report. */
  #schedule(ms: number): void {
    const { clock } = this.#options;
    const atMs = Math.max(clock.monotonicMs() + ms, this.#restMs);
    if (this.#next !== undefined && !this.#isReporting && this.#nextMs <= atMs) return;
    this.#next?.();
    this.#nextMs = atMs;
    this.#next = clock.schedule(atMs, () => void this.#report());
  }

  async #report(): Promise<void> {
    const { channel, watcherId, source, clock, log } = this.#options;
    const startMs = clock.monotonicMs();
    this.#isReporting = true;
    this.#isStale = false;
    try {
      const uses = (await source()).map(messageOf);
      const request = create(ReportUseRequestSchema, { watcherId, uses });
      await channel.unary(KeyWatch.method.reportUse, request, callDeadlineMs);
    } catch (thrown) {
      const { code, message } = RpcError.from(thrown);
      log.warn(
        { why: `${code}: ${message}` },
        'the key service could not be told what depends on its versions',
      );
    }
    const endMs = clock.monotonicMs();
    this.#restMs = endMs + reportPauseFactor * (endMs - startMs);
    if (this.#isOn) this.#schedule(this.#isStale ? reportDelayMs : reportIntervalMs);
    this.#isReporting = false;
  }
}

const messageOf = (use: ReportedUse): VersionUse =>
  create(VersionUseSchema, {
    name: use.name,
    dekCount: BigInt(use.dekCount),
    messageCount: BigInt(use.messageCount),
    byteCount: BigInt(use.byteCount),
    topics: use.topics.slice(0, topicsMax),
  });
