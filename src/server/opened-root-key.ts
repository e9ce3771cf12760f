import type { AuditWriter } from '../audit/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import { wrappedStoreKey } from '../envelope/index.ts';
import { wrappedSigningKeys } from '../identity/index.ts';
import { RootKeyKeeper } from '../kms/index.ts';
import type { OpenedKeys } from './opened-stores.ts';
import type { ServerPorts } from './ports.ts';
import { rootKeyPath, sealSecretsOf } from './root-key-settings.ts';

/** Longer than any call takes between wrapping a key and writing its row. */
const settleMsDefault = 5_000;

export interface RootKeyParts {
  readonly openedKeys: Pick<OpenedKeys, 'rootKey' | 'rows'>;
  readonly suites: SuiteProviders;
  readonly audit: AuditWriter;
}

/** Seals the root key anew. Ends first what a change that was interrupted left undone. */
export async function openRootKeyKeeper(
  { openedKeys, suites, audit }: RootKeyParts,
  config: ServerConfig,
  ports: ServerPorts,
  settleMs: number = settleMsDefault,
): Promise<RootKeyKeeper> {
  const options = {
    ...ports,
    path: rootKeyPath(config),
    rootKey: openedKeys.rootKey,
    keyStore: openedKeys.rows,
    wrapped: [wrappedStoreKey, wrappedSigningKeys],
    secrets: sealSecretsOf(config, ports),
    suites,
    audit,
  };
  // Nothing else runs yet that could have wrapped by the old key.
  await new RootKeyKeeper({ ...options, settleMs: 0 }).finish();
  return new RootKeyKeeper({ ...options, settleMs });
}
