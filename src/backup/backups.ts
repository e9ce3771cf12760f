import { RpcError } from '../rpc/index.ts';
import type { Logger } from '../runtime/index.ts';
import { failureText } from './backup-error.ts';
import { type BackupParts, BackupRun } from './backup-run.ts';

/** Of the backup under way, or of the last one. */
export interface BackupReport {
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  /** Where it will be, or is. */
  readonly directory: string;
  /** Milliseconds since the Unix epoch. */
  readonly startTimeMs: number;
  readonly endTimeMs: number | null;
  /** Written so far, and to be written as far as is known. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Why it failed. */
  readonly error: string | null;
}

interface Watched {
  readonly run: BackupRun;
  readonly stopper: AbortController;
  readonly startTimeMs: number;
  endTimeMs: number | null;
  state: BackupReport['state'];
  error: string | null;
}

/** Makes backups of a running server in the background, one at a time. */
export class Backups {
  readonly #parts: BackupParts;
  readonly #log: Logger;
  #last: Watched | null = null;
  #isStarting = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: BackupParts, log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  /**
   * Resolves when it has begun. Calls `record` once it is known that it can, before it does.
   *
   * @throws RpcError FAILED_PRECONDITION while one is under way, INVALID_ARGUMENT or ALREADY_EXISTS
   * for the directory, RESOURCE_EXHAUSTED if the disk is too small
   */
  async start(directory: string, record: () => Promise<void>): Promise<BackupReport> {
    if (this.#isStarting || this.#last?.state === 'running') throw busy();
    this.#isStarting = true;
    try {
      const stopper = new AbortController();
      const run = new BackupRun(directory, this.#parts, stopper.signal);
      await record();
      await run.open();
      const startTimeMs = this.#parts.clock.wallMs();
      const watched: Watched = {
        run,
        stopper,
        startTimeMs,
        endTimeMs: null,
        state: 'running',
        error: null,
      };
      this.#last = watched;
      this.#running = this.#perform(watched);
      return reportOf(watched);
    } finally {
      this.#isStarting = false;
    }
  }

  /** @throws RpcError NOT_FOUND before the first one */
  report(): BackupReport {
    if (this.#last !== null) return reportOf(this.#last);
    const text = 'No backup was made since the server was started.';
    throw new RpcError('NOT_FOUND', 'BACKUP_NOT_FOUND', text);
  }

  /** Ends the one under way, and removes what it has written. */
  async stop(): Promise<void> {
    this.#last?.stopper.abort();
    await this.#running;
  }

  async #perform(watched: Watched): Promise<void> {
    const { run, stopper } = watched;
    try {
      await run.perform();
      watched.state = 'done';
      this.#log.info({ directory: run.directory, bytes: run.progress.bytes }, 'backup made');
    } catch (error) {
      watched.state = stopper.signal.aborted ? 'stopped' : 'failed';
      watched.error = stopper.signal.aborted ? null : failureText(run.directory, error);
      if (watched.error !== null) this.#log.error({ err: error }, 'a backup failed');
    }
    watched.endTimeMs = this.#parts.clock.wallMs();
  }
}

function reportOf({ run, startTimeMs, endTimeMs, state, error }: Watched): BackupReport {
  return { state, directory: run.directory, startTimeMs, endTimeMs, ...run.progress, error };
}

function busy(): RpcError {
  const text = 'A backup is under way: wait for its end, or stop it.';
  return new RpcError('FAILED_PRECONDITION', 'BACKUP_RUNNING', text);
}
