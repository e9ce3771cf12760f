import {
  type CryptoKey,
  type CryptoKeyVersion,
  type KeyAdministration,
  type KeyCaller,
  type KeyRing,
  operatorMember,
  type Page,
  type PageRequest,
} from '../../src/kms/index.ts';

/** The caller of an API without authentication. */
export const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };

/** A symmetric software key. */
export interface SoftwareKey {
  readonly parent: string;
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly destroyScheduledSeconds?: number;
  readonly skipInitialVersion: boolean;
}

/** The administration as the operator calls it, by kinds of resource. */
export interface OperatorKeys {
  readonly keyRings: {
    create(parent: string, id: string): Promise<KeyRing>;
    get(name: string): Promise<KeyRing>;
    list(parent: string, request: PageRequest): Promise<Page<KeyRing>>;
  };
  readonly cryptoKeys: {
    create(key: SoftwareKey): Promise<CryptoKey>;
    get(name: string): Promise<CryptoKey>;
    list(parent: string, request: PageRequest): Promise<Page<CryptoKey>>;
    updateLabels(name: string, labels: Readonly<Record<string, string>>): Promise<CryptoKey>;
    updatePrimaryVersion(name: string, version: number): Promise<CryptoKey>;
  };
  readonly versions: {
    create(parent: string): Promise<CryptoKeyVersion>;
    get(name: string): Promise<CryptoKeyVersion>;
    list(parent: string, request: PageRequest): Promise<Page<CryptoKeyVersion>>;
    updateState(name: string, state: 'ENABLED' | 'DISABLED'): Promise<CryptoKeyVersion>;
  };
}

export function operatorOf(service: KeyAdministration): OperatorKeys {
  return {
    keyRings: {
      create: (parent, id) => service.createKeyRing(parent, id, operator),
      get: (name) => service.getKeyRing(name, operator),
      list: (parent, request) => service.listKeyRings(parent, request, operator),
    },
    cryptoKeys: {
      create: (key) =>
        service.createCryptoKey(
          { purpose: 'ENCRYPT_DECRYPT', versionTemplate: { protectionLevel: 'SOFTWARE' }, ...key },
          operator,
        ),
      get: (name) => service.getCryptoKey(name, operator),
      list: (parent, request) => service.listCryptoKeys(parent, request, operator),
      updateLabels: (name, labels) =>
        service.updateCryptoKey(name, { labels }, ['labels'], operator),
      updatePrimaryVersion: (name, version) =>
        service.updatePrimaryVersion(name, version, operator),
    },
    versions: {
      create: (parent) => service.createVersion(parent, { state: 'ENABLED' }, operator),
      get: (name) => service.getVersion(name, operator),
      list: (parent, request) => service.listVersions(parent, request, operator),
      updateState: (name, state) => service.updateVersion(name, { state }, operator),
    },
  };
}
