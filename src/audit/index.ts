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
export {
  type AuditLog,
  type AuditPage,
  type AuditQuery,
  type AuditReader,
  type AuditWriter,
  noAudit,
} from './audit-log.ts';
export { type AuditPart, auditPart } from './audit-part.ts';
export type { AnchorStore } from './chain/anchor.ts';
export { type AuditCheck, type AuditFinding, type FindingKind } from './chain/finding.ts';
export type { RetentionDays } from './chain/retention.ts';
export type { EntryJson } from './filter/filter-match.ts';
export { logEntryJson } from './log-entry-json.ts';
export { type AuditObserver, noAuditObserver } from './observer.ts';
export { type AuditLogOptions, openAuditLog } from './sealed-audit-log.ts';
export {
  type LogQuery,
  mayTakeEntry,
  parseLogQuery,
  requiredValue,
  takesEntry,
} from './search/log-query.ts';
