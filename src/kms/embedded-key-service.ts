import type { IamPolicy, NewIamPolicy, PolicyMembers, PolicySource } from '../iam/index.ts';
import { CryptoKeys } from './keys/crypto-keys.ts';
import type * as admin from './key-administration.ts';
import { IamPolicies } from './iam/iam-policies.ts';
import { KeyDeletions } from './keys/key-deletions.ts';
import { type KeyRing, KeyRings } from './keys/key-rings.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyChange,
  KeyService,
} from './key-service.ts';
import { KeyVersions, type VersionChange } from './keys/key-versions.ts';
import type { KmsContext } from './kms-context.ts';
import { KeyLifecycle } from './lifecycle/key-lifecycle.ts';
import { parseKmsName, requireKeyName, requireVersionName } from './names.ts';
import { Projects } from './projects.ts';
import type { ProtectionLevel } from './providers/key-provider.ts';
import { reservedKeyName } from './reserved-project.ts';
import type { Page, PageRequest } from './rows/page.ts';
import { requireCryptoKey, requireVersion } from './rows/stored-keys.ts';
import { KeyUses } from './uses/key-use.ts';
import { MacUses } from './uses/mac-use.ts';
import { RawUses } from './uses/raw-use.ts';
import { VersionEnds } from './keys/version-ends.ts';

type Caller = KeyCaller;

/**
 * The key service inside this process: Cloud KMS's resources over the key store.
 *
 * Every change is durable before it is answered, and listeners hear of it in between; every call
 * reads what is stored, so a change holds for each call that starts after its answer.
 */
export class EmbeddedKeyService implements KeyService, admin.KeyAdministration {
  readonly defaultKeyName: string = reservedKeyName;
  readonly projects: Projects;
  readonly policies: IamPolicies;
  /** The policies as they are now, for decisions. */
  readonly policySource: PolicySource & PolicyMembers;
  readonly lifecycle: KeyLifecycle;
  readonly #context: KmsContext;
  readonly #rings: KeyRings;
  readonly #keys: CryptoKeys;
  readonly #versions: KeyVersions;
  readonly #ends: VersionEnds;
  readonly #deletions: KeyDeletions;
  readonly #uses: KeyUses;
  readonly #rawUses: RawUses;
  readonly #macUses: MacUses;

  constructor(context: KmsContext) {
    this.#context = context;
    this.projects = new Projects(context);
    this.lifecycle = new KeyLifecycle(context);
    this.#rings = new KeyRings(context);
    this.#keys = new CryptoKeys(context);
    this.#versions = new KeyVersions(context);
    this.#ends = new VersionEnds(context);
    this.#deletions = new KeyDeletions(context);
    this.#uses = new KeyUses(context);
    this.#rawUses = new RawUses(context);
    this.#macUses = new MacUses(context);
    this.policies = new IamPolicies(context);
    this.policySource = context.policies;
  }

  async encrypt(request: EncryptRequest, caller: Caller): Promise<EncryptResponse> {
    const { name, ciphertext } = await this.#uses.encrypt(request, caller);
    return { name, ciphertext };
  }

  async decrypt(request: DecryptRequest, caller: Caller): Promise<DecryptResponse> {
    const { plaintext, name, cacheMs } = await this.#uses.decrypt(request, caller);
    return { plaintext, name, ...(cacheMs !== undefined && { cacheMs }) };
  }

  pubsubServiceAgent(projectId: string): Promise<string> {
    return this.projects.pubsubServiceAgent(projectId);
  }

  /** Cloud Run's service agent of a project: `serviceAccount:service-N@serverless-robot-prod…`. */
  runServiceAgent(projectId: string): Promise<string> {
    return this.projects.runServiceAgent(projectId);
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    return this.#context.changes.listen(listener);
  }

  /** Ends what is scheduled, after what is under way. */
  close(): Promise<void> {
    return this.lifecycle.close();
  }

  /** Whether a CryptoKey or a version of one exists: nobody's use of it. Throws NOT_FOUND. */
  async requireStored(name: string): Promise<void> {
    if (parseKmsName(name)?.kind === 'CryptoKeyVersion') {
      const { cryptoKey, version } = requireVersionName(name);
      await requireCryptoKey(this.#context, cryptoKey);
      await requireVersion(this.#context, cryptoKey, version);
      return;
    }
    await requireCryptoKey(this.#context, requireKeyName(name).cryptoKey);
  }

  createKeyRing(parent: string, id: string, caller: Caller): Promise<KeyRing> {
    return this.#rings.create(parent, id, caller);
  }

  getKeyRing(name: string, caller: Caller): Promise<KeyRing> {
    return this.#rings.get(name, caller);
  }

  listKeyRings(parent: string, request: PageRequest, caller: Caller): Promise<Page<KeyRing>> {
    return this.#rings.list(parent, request, caller);
  }

  createCryptoKey(key: admin.NewCryptoKey, caller: Caller): Promise<admin.CryptoKey> {
    return this.#keys.create(key, caller);
  }

  getCryptoKey(name: string, caller: Caller): Promise<admin.CryptoKey> {
    return this.#keys.get(name, caller);
  }

  listCryptoKeys(
    parent: string,
    request: PageRequest,
    caller: Caller,
  ): Promise<Page<admin.CryptoKey>> {
    return this.#keys.list(parent, request, caller);
  }

  updateCryptoKey(
    name: string,
    change: admin.CryptoKeyChange,
    fields: readonly admin.CryptoKeyField[],
    caller: Caller,
  ): Promise<admin.CryptoKey> {
    return this.#keys.update(name, change, fields, caller);
  }

  updatePrimaryVersion(name: string, version: number, caller: Caller): Promise<admin.CryptoKey> {
    return this.#keys.updatePrimaryVersion(name, version, caller);
  }

  deleteCryptoKey(name: string, caller: Caller): Promise<admin.DeleteOperation> {
    return this.#deletions.deleteKey(name, caller);
  }

  createVersion(
    parent: string,
    version: { readonly state: 'ENABLED' | 'DISABLED'; readonly externalKeyUri?: string },
    caller: Caller,
  ): Promise<admin.CryptoKeyVersion> {
    return this.#versions.create(parent, version, caller);
  }

  getVersion(name: string, caller: Caller): Promise<admin.CryptoKeyVersion> {
    return this.#versions.get(name, caller);
  }

  listVersions(
    parent: string,
    request: PageRequest,
    caller: Caller,
  ): Promise<Page<admin.CryptoKeyVersion>> {
    return this.#versions.list(parent, request, caller);
  }

  updateVersion(
    name: string,
    change: VersionChange,
    caller: Caller,
  ): Promise<admin.CryptoKeyVersion> {
    return this.#versions.update(name, change, caller);
  }

  destroyVersion(name: string, isForced: boolean, caller: Caller): Promise<admin.CryptoKeyVersion> {
    return this.#ends.destroy(name, isForced, caller);
  }

  restoreVersion(name: string, caller: Caller): Promise<admin.CryptoKeyVersion> {
    return this.#ends.restore(name, caller);
  }

  deleteVersion(name: string, caller: Caller): Promise<admin.DeleteOperation> {
    return this.#deletions.deleteVersion(name, caller);
  }

  getRetiredResource(name: string, caller: Caller): Promise<admin.RetiredResource> {
    return this.#deletions.getRetired(name, caller);
  }

  listRetiredResources(
    parent: string,
    request: PageRequest,
    caller: Caller,
  ): Promise<Page<admin.RetiredResource>> {
    return this.#deletions.listRetired(parent, request, caller);
  }

  getOperation(name: string, caller: Caller): Promise<admin.DeleteOperation> {
    return this.#deletions.getOperation(name, caller);
  }

  encryptAnswer(request: EncryptRequest, caller: Caller): Promise<admin.EncryptAnswer> {
    return this.#uses.encrypt(request, caller);
  }

  decryptAnswer(request: DecryptRequest, caller: Caller): Promise<admin.DecryptAnswer> {
    return this.#uses.decrypt(request, caller);
  }

  rawEncrypt(request: admin.RawEncryptRequest, caller: Caller): Promise<admin.RawEncryptResponse> {
    return this.#rawUses.encrypt(request, caller);
  }

  rawDecrypt(
    request: admin.RawDecryptRequest,
    caller: Caller,
  ): Promise<{ readonly plaintext: Uint8Array; readonly protectionLevel: ProtectionLevel }> {
    return this.#rawUses.decrypt(request, caller);
  }

  macSign(
    name: string,
    data: Uint8Array,
    caller: Caller,
  ): Promise<{ readonly mac: Uint8Array; readonly protectionLevel: ProtectionLevel }> {
    return this.#macUses.sign(name, data, caller);
  }

  macVerify(
    name: string,
    data: Uint8Array,
    mac: Uint8Array,
    caller: Caller,
  ): Promise<{ readonly isValid: boolean; readonly protectionLevel: ProtectionLevel }> {
    return this.#macUses.verify(name, data, mac, caller);
  }

  generateRandomBytes(
    location: string,
    length: number,
    level: ProtectionLevel,
    caller: Caller,
  ): Promise<Uint8Array> {
    return this.#macUses.randomBytes(location, length, level, caller);
  }

  /** `requestedVersion` 3 shows conditions. */
  getIamPolicy(resource: string, caller: Caller, requestedVersion?: number): Promise<IamPolicy> {
    return this.policies.get(resource, caller, requestedVersion);
  }

  setIamPolicy(resource: string, policy: NewIamPolicy, caller: Caller): Promise<IamPolicy> {
    return this.policies.set(resource, policy, caller);
  }

  testIamPermissions(
    resource: string,
    permissions: readonly string[],
    caller: Caller,
  ): Promise<readonly string[]> {
    return this.policies.test(resource, permissions, caller);
  }
}
