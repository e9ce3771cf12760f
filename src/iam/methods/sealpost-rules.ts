import type { AccessRule } from '../access-rule.ts';
import { demand, ifSet, inProject, onServer, publicRules, rulesOf } from './rules.ts';

const service = 'projects/{project}/locations/{location}/services/{service}';

/** Our own API: what concerns the whole server is asked on `organizations/sealpost`. */
export const sealpostRules: readonly AccessRule[] = [
  ...rulesOf('sealpost.v1.Diagnosis', {
    GetServer: [onServer('sealpost.server.get')],
    DiagnoseTopic: [demand('pubsub.topics.get', 'name')],
    DiagnoseSubscription: [demand('pubsub.subscriptions.get', 'name')],
  }),
  ...rulesOf('sealpost.v1.Backlog', {
    Peek: [demand('pubsub.subscriptions.consume', 'name')],
    PreviewSeek: [
      demand('pubsub.subscriptions.consume', 'name'),
      ifSet(demand('pubsub.snapshots.seek', 'snapshot')),
    ],
  }),
  ...rulesOf('sealpost.v1.RootKey', {
    GetRootKey: [onServer('sealpost.rootKey.get')],
    ResealRootKey: [onServer('sealpost.rootKey.reseal')],
  }),
  ...rulesOf('sealpost.v1.Verification', {
    Start: [onServer('sealpost.verifications.create')],
    Get: [onServer('sealpost.verifications.get')],
    Stop: [onServer('sealpost.verifications.cancel')],
  }),
  ...rulesOf('sealpost.v1.Audit', {
    StartVerification: [onServer('sealpost.audit.verify')],
    GetVerification: [onServer('sealpost.audit.get')],
  }),
  ...rulesOf('sealpost.v1.KeyUse', {
    GetKeyUse: [demand('cloudkms.protectedResources.search', 'name')],
    GetKeyVersionUse: [demand('cloudkms.protectedResources.search', 'name')],
    StartRewrap: [demand('sealpost.rewraps.create', 'name')],
    GetRewrap: [demand('sealpost.rewraps.get', 'name')],
  }),
  ...rulesOf('sealpost.v1.Vault', {
    ListImages: [onServer('sealpost.vault.get')],
    ListFiles: [demand('run.services.get', 'service')],
    ListKeys: [onServer('sealpost.vault.get')],
    Collect: [onServer('sealpost.vault.collect')],
    Rewrap: [onServer('sealpost.vault.rewrap')],
    Import: [onServer('sealpost.vault.import')],
    ListImports: [onServer('sealpost.vault.get')],
    StartVerification: [onServer('sealpost.vault.verify')],
    GetVerification: [onServer('sealpost.vault.get')],
    ListInstances: [demand('run.services.get', service)],
  }),
  // A page gets no more than its backend has.
  ...rulesOf('sealpost.v1.Identity', {
    CreateBrowserToken: [
      ifSet(demand('pubsub.topics.publish', 'publish_topic')),
      ifSet(demand('pubsub.topics.attachSubscription', 'subscribe_topic')),
      ifSet(inProject('pubsub.subscriptions.create', 'subscribe_topic')),
      ifSet(demand('pubsub.subscriptions.consume', 'subscribe_subscription')),
    ],
  }),
  ...publicRules('sealpost.v1.Identity', ['GetDiscovery', 'GetKeys', 'ExchangeToken']),
  ...rulesOf('sealpost.v1.KeyWatch', {
    Watch: [onServer('sealpost.keyWatch.watch')],
    GetProjectNumber: [demand('resourcemanager.projects.get', 'projects/{project_id}')],
    ReportUse: [onServer('sealpost.keyWatch.report')],
  }),
  ...rulesOf('sealpost.v1.Server', {
    GetMetrics: [onServer('sealpost.metrics.get')],
    Backup: [onServer('sealpost.server.backup')],
    GetBackup: [onServer('sealpost.server.backup')],
    StopBackup: [onServer('sealpost.server.backup')],
  }),
  ...publicRules('grpc.health.v1.Health', ['Check', 'List', 'Watch']),
  ...rulesOf('grpc.reflection.v1.ServerReflection', { ServerReflectionInfo: [] }),
  ...rulesOf('grpc.reflection.v1alpha.ServerReflection', { ServerReflectionInfo: [] }),
];
