/**
 * remote-kms: the KeyService port over the network, and what both ends of it need.
 *
 * To a Cloud KMS or another Sealpost over the official gRPC API, or to the Transit engine of a
 * HashiCorp Vault or OpenBao. Deadlines, retries, breakers and checksums are its own.
 */
export { answerHeaders } from './headers/answer-headers.ts';
export { callerClaims, type CallerClaims } from './headers/caller-headers.ts';
export { KeyWatchHub, type KeyWatchHubOptions, type ReportedUse } from './key-watch-hub.ts';
export type { RemoteKmsObserver, WatchState } from './observer.ts';
export {
  openRemoteKeyService,
  type RemoteKeyService,
  type RemoteKeyServiceOptions,
} from './remote-key-service.ts';
export { RoutedKeyService, type KeyRoutes } from './routed-key-service.ts';
export type { UseSource } from './use-reporter.ts';
export {
  openTransitKeyService,
  type TransitKeyServiceOptions,
} from './vault/transit-key-service.ts';
