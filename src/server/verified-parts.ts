import type { AuditPart } from '../audit/index.ts';
import type { Broker } from '../broker/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import { dekPrefixes, dekVerifiable, layerKeyPrefixes } from '../envelope/index.ts';
import { accountRowsPrefix, type AccountStore, wrappedSigningKeys } from '../identity/index.ts';
import { keyVerifiable } from '../kms/index.ts';
import type { Metrics } from '../metrics/index.ts';
import type { Verifiable } from '../verification/index.ts';
import type { KeyServices } from './keys/key-services.ts';
import { anchorRow } from './opened-audit.ts';
import type { OpenedKeys } from './opened-stores.ts';
import type { ServerPorts } from './ports.ts';
import { rootKeyPath } from './root-key-settings.ts';

export interface VerifiedStores {
  readonly openedKeys: OpenedKeys;
  readonly suites: SuiteProviders;
  readonly metrics: Metrics;
  readonly services: KeyServices;
  readonly accounts: AccountStore;
  /** Undefined where no broker runs. */
  readonly broker: Broker | undefined;
  readonly auditParts: readonly AuditPart[];
  /** Of the vault; none where no vault runs. */
  readonly vaultParts: readonly Verifiable[];
}

/** Everything that this process stores, to be authenticated. */
export function verifiedParts(
  {
    openedKeys,
    suites,
    metrics,
    services,
    accounts,
    broker,
    auditParts,
    vaultParts,
  }: VerifiedStores,
  config: ServerConfig,
  { clock, entropy }: ServerPorts,
): Verifiable[] {
  const { rows, rootKey } = openedKeys;
  const keys = keyVerifiable({
    keyStore: rows,
    rootKey,
    rootKeyPath: rootKeyPath(config),
    suites,
    clock,
    entropy,
    wrapped: [wrappedSigningKeys],
    elsewhere: [...dekPrefixes, ...layerKeyPrefixes, anchorRow, accountRowsPrefix],
  });
  const deks = dekVerifiable({
    rows,
    rootKey,
    keys: services.asked,
    providers: suites,
    clock,
    observer: metrics.dek,
    topics: () => broker?.sealedTopics() ?? [],
  });
  return [
    ...(broker?.verifiables() ?? []),
    keys,
    deks,
    accounts.part,
    ...auditParts,
    ...vaultParts,
  ];
}
