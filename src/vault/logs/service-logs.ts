import type { RevisionName, ServiceName } from '../services/service.ts';

/** google.logging.type.LogSeverity. */
export type LogSeverity =
  | 'DEFAULT'
  | 'DEBUG'
  | 'INFO'
  | 'NOTICE'
  | 'WARNING'
  | 'ERROR'
  | 'CRITICAL'
  | 'ALERT'
  | 'EMERGENCY';

/** Cloud Run's logs: `run.googleapis.com/stdout` and so on; `varlog/system` is what Run itself says. */
export type LogName = 'stdout' | 'stderr' | 'requests' | 'varlog/system';

export interface ServiceLogEntry {
  readonly log: LogName;
  readonly severity: LogSeverity;
  readonly revision: RevisionName;
  readonly instanceId?: string;
  readonly timeMs: number;
  /** One line; of JSON lines the object. */
  readonly text?: string;
  readonly json?: Readonly<Record<string, unknown>>;
  /** google.logging.type.HttpRequest, of `requests`. */
  readonly httpRequest?: Readonly<Record<string, string | number | boolean>>;
}

export interface LoggedServiceEntry extends ServiceLogEntry {
  /** Orders entries of a service. */
  readonly insertId: string;
}

/** Logs of services, sealed under the store's key, kept in a bounded number of bytes. */
export interface ServiceLogs {
  /**
   * Never throws and never waits: what cannot be kept is counted. A line of `stdout` or `stderr`
   * that is a JSON object becomes `json`, with Cloud Run's special fields taken out of it.
   */
  append(entry: ServiceLogEntry): void;
  /** Entries of a project's services in time order, from a place on. */
  read(request: {
    readonly project: string;
    readonly service?: ServiceName;
    /** Wall ms, inclusive. */
    readonly fromMs: number;
    readonly toMs: number;
    readonly order: 'asc' | 'desc';
    readonly limit: number;
    /** Entries at or before this one (in the order asked for) are skipped. */
    readonly after?: string;
  }): Promise<readonly LoggedServiceEntry[]>;
  /** Names of logs that hold entries of a project. */
  logNames(project: string): Promise<readonly LogName[]>;
  /** Resolves when everything appended so far is on disk; rejects if it cannot be written. */
  flush(): Promise<void>;
  remove(service: ServiceName): Promise<void>;
  close(): Promise<void>;
}
