/**
 * api: what clients speak: REST and gRPC on one port, errors and all.
 *
 * Turns bytes into calls of the broker and of the routes it is given, and their results back. Holds
 * no state but connections; the only folder that knows HTTP, JSON bodies or gRPC.
 */
export { startApi, type ApiLimits, type ApiOptions, type ApiServer } from './api-server.ts';
export { administerPermission, type AccountService } from './accounts/account-service.ts';
export { allAccountRoutes } from './accounts/all-account-routes.ts';
export type { AccessParts } from './access/access.ts';
export type { PubsubAudit } from './audit/pubsub-audit.ts';
export type { OwnRequest } from './http/route-dispatcher.ts';
export type { MetricsPage, Probes } from './http/probes.ts';
export type { TlsFiles } from './listener/tls-files.ts';
export { probePort } from './listener/port-probe.ts';
export type { JsonValue } from './json.ts';
export type { KeyWatchSource, ReportedUse } from './key-watch.ts';
export { keyServiceMethods } from './kms/key-service-methods.ts';
export type { KeyLocations } from './kms/location-methods.ts';
export { projectRoutes } from './kms/project-routes.ts';
export { unbuiltKmsRoutes } from './kms/unbuilt-services.ts';
export { loggingMethods, type ReadServiceLogs } from './logging/logging-methods.ts';
export type { ApiCall, ApiMethod } from './method.ts';
export type { CallObserver } from './observer.ts';
export type { RunAudit } from './run/run-audit.ts';
export type { RunSurroundings } from './run/run-method.ts';
export { runRoutes } from './run/run-routes.ts';
export type { ServedMethod } from './served-methods.ts';
export { auditRoutes } from './sealpost/audit-routes.ts';
export { backlogRoutes } from './sealpost/backlog-routes.ts';
export { backupRoutes, type BackupControl } from './sealpost/backup-routes.ts';
export { diagnoseRoutes, type ServerAbout } from './sealpost/diagnose-routes.ts';
export { identityRoutes, type IdentityRoutesOptions } from './sealpost/identity-routes.ts';
export {
  keyUseRoutes,
  type KeyUseSource,
  type KeyVersionUse,
  type RequireKey,
} from './sealpost/key-use-routes.ts';
export { rootKeyRoutes, type RootKeyControl } from './sealpost/root-key-routes.ts';
export { vaultRoutes } from './sealpost/vault-routes.ts';
export { verificationRoutes, type VerificationControl } from './sealpost/verification-routes.ts';
export type { HttpMethod, RestCall, RestReply, Route } from './route.ts';
export type { WebSocketObserver } from './websocket/observer.ts';
