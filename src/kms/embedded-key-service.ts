import type { SuiteProviders } from '../crypto/index.ts';
import type { Clock, Entropy, Logger } from '../runtime/index.ts';
import type { KeyStore } from '../storage/index.ts';
import { CryptoKeys, keyWrites } from './crypto-keys.ts';
import { IamPolicies } from './iam/iam-policies.ts';
import { KeyRings } from './key-rings.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyChange,
  KeyService,
} from './key-service.ts';
import { KeyUses } from './key-use.ts';
import { KeyVersions } from './key-versions.ts';
import { KeyChanges, type KmsContext } from './kms-context.ts';
import { type KmsObserver, noKmsObserver } from './observer.ts';
import { Projects } from './projects.ts';
import { cryptoKeyTable, keyRingTable } from './rows/records.ts';
import { reservedKeyName, reservedKeyRing } from './reserved-project.ts';
import type { RootKey } from './root/root-key.ts';
import { openRowKey } from './root/row-key.ts';
import { rowWrite, SealedRows } from './rows/sealed-rows.ts';

export interface KeyServiceOptions {
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
  readonly suites: SuiteProviders;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer?: KmsObserver;
}

/**
 * The key service inside this process: Cloud KMS's resources over the key store.
 *
 * Every change is durable before it is answered, and listeners hear of it in between; every call
 * reads what is stored, so a change holds for each call that starts after its answer.
 */
export class EmbeddedKeyService implements KeyService {
  readonly defaultKeyName: string = reservedKeyName;
  readonly keyRings: KeyRings;
  readonly cryptoKeys: CryptoKeys;
  readonly versions: KeyVersions;
  readonly policies: IamPolicies;
  readonly projects: Projects;
  readonly #uses: KeyUses;
  readonly #changes: KeyChanges;

  constructor(context: KmsContext) {
    this.keyRings = new KeyRings(context);
    this.cryptoKeys = new CryptoKeys(context);
    this.versions = new KeyVersions(context);
    this.policies = new IamPolicies(context);
    this.projects = new Projects(context);
    this.#uses = new KeyUses(context);
    this.#changes = context.changes;
  }

  encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse> {
    return this.#uses.encrypt(request, caller);
  }

  decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse> {
    return this.#uses.decrypt(request, caller);
  }

  pubsubServiceAgent(projectId: string): Promise<string> {
    return this.projects.pubsubServiceAgent(projectId);
  }

  /** Cloud Run's service agent of a project: `serviceAccount:service-N@serverless-robot-prod…`. */
  runServiceAgent(projectId: string): Promise<string> {
    return this.projects.runServiceAgent(projectId);
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    return this.#changes.listen(listener);
  }
}

/**
 * Opens the key service on a key store, and on a new one makes its row key and default key.
 *
 * @throws RpcError DATA_LOSS if the store was sealed under another root key, which the message names,
 * or is damaged
 */
export async function startKeyService(options: KeyServiceOptions): Promise<EmbeddedKeyService> {
  const { clock, entropy, log, rootKey } = options;
  const rowKey = await openRowKey(options);
  const context: KmsContext = {
    rows: new SealedRows(options.keyStore, rowKey),
    rootKey,
    clock,
    entropy,
    log,
    observer: options.observer ?? noKmsObserver,
    changes: new KeyChanges(log),
  };
  await ensureDefaultKey(context);
  return new EmbeddedKeyService(context);
}

async function ensureDefaultKey(context: KmsContext): Promise<void> {
  if (await context.rows.get(cryptoKeyTable, reservedKeyName)) return;
  const ring = { createTimeMs: context.clock.wallMs() };
  await context.rows.commit([
    rowWrite(keyRingTable, { id: reservedKeyRing, version: 0 }, ring),
    ...keyWrites(context, reservedKeyName, { labels: {}, skipInitialVersion: false }),
  ]);
}
