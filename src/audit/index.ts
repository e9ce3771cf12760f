/**
 * audit: who used which key and changed what, in Google's shape; sealed and chained by hashes, so
 * that an entry which was changed or removed is found.
 */
export type {
  AuditCaller,
  AuditEntry,
  AuditKind,
  AuditResource,
  AuditValue,
  AuthorizationInfo,
  LoggedEntry,
} from './audit-entry.ts';
export { type AuditWriter, noAudit } from './audit-log.ts';
