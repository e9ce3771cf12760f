import type { ErrorDetail, StatusCode } from '../rpc/index.ts';

/** A value of JSON, as requests and metadata are recorded: never key bytes, never plaintext. */
export type AuditValue =
  | null
  | boolean
  | number
  | string
  | readonly AuditValue[]
  | { readonly [name: string]: AuditValue };

/**
 * Which of Google's audit logs an entry is in: `activity` for changes by somebody, `data_access`
 * for uses and reads, `system_event` for what the service did by itself.
 */
export type AuditKind = 'activity' | 'data_access' | 'system_event';

/** Google's monitored resource: `cloudkms_cryptokeyversion` and its labels, say. */
export interface AuditResource {
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One permission that was asked for, and whether the caller had it. */
export interface AuthorizationInfo {
  readonly resource: string;
  readonly permission: string;
  readonly granted: boolean;
}

/** Who called, from where. */
export interface AuditCaller {
  /** An email, such as the service agent's, or `anonymous`. */
  readonly principalEmail: string;
  readonly callerIp?: string;
  readonly userAgent?: string;
}

/**
 * What happened, before the log gives it its place: the content of a google.cloud.audit.AuditLog
 * and of the LogEntry around it.
 */
export interface AuditEntry {
  readonly kind: AuditKind;
  /** The project whose log it is in. */
  readonly project: string;
  /** `cloudkms.googleapis.com`, `pubsub.googleapis.com`, `run.googleapis.com`. */
  readonly serviceName: string;
  /** As Google's service logs it: `Encrypt` for KMS, `google.pubsub.v1.Publisher.CreateTopic`. */
  readonly methodName: string;
  readonly resourceName: string;
  readonly resource: AuditResource;
  readonly caller: AuditCaller;
  readonly authorization: readonly AuthorizationInfo[];
  /** Why: an access reason, and what a service says it needed the key for. */
  readonly reason?: { readonly justification?: string; readonly text?: string };
  /** With its `@type`. */
  readonly request?: AuditValue;
  readonly response?: AuditValue;
  readonly metadata?: AuditValue;
  /** Absent: it succeeded. */
  readonly status?: {
    readonly code: StatusCode;
    readonly message: string;
    readonly details?: readonly ErrorDetail[];
  };
}

/** An entry in its place. */
export interface LoggedEntry extends AuditEntry {
  /** Unique in the log, in the order of the log. */
  readonly insertId: string;
  /** When it was logged; ms since the Unix epoch, never below the entry before. */
  readonly timeMs: number;
}
