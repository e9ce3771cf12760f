/**
 * What the key store holds, one table each. Rows are sealed JSON; row ids are resource names, which
 * makes a list of a parent's children a range of keys.
 */
export interface Table<T> {
  readonly prefix: string;
  /** Rows are authenticated, so what opens has the shape that was written. */
  readonly read: (json: unknown) => T;
}

export interface KeyRingRecord {
  readonly createTimeMs: number;
}

export interface CryptoKeyRecord {
  /** 16 random bytes in base64: a ciphertext names its key by them. */
  readonly uid: string;
  readonly createTimeMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly destroyScheduledSeconds: number;
  /** The number of the primary version; null: none. */
  readonly primary: number | null;
  /** The highest version number given so far. */
  readonly versionCount: number;
}

export type VersionState = 'ENABLED' | 'DISABLED';

export interface VersionRecord {
  /** 15 random bytes in base64, recorded in each ciphertext. */
  readonly uid: string;
  readonly state: VersionState;
  readonly createTimeMs: number;
  /** The version's 32 bytes, wrapped by the root key for the version's name; base64. */
  readonly wrappedKey: string;
}

export interface Binding {
  readonly role: string;
  readonly members: readonly string[];
}

export interface PolicyRecord {
  readonly version: number;
  readonly bindings: readonly Binding[];
}

export interface ProjectRecord {
  readonly projectNumber: string;
  readonly createTimeMs: number;
}

export interface ProjectNumberRecord {
  readonly projectId: string;
}

export const keyRingTable: Table<KeyRingRecord> = {
  prefix: 'kms/ring/',
  read: (json) => json as KeyRingRecord,
};

export const cryptoKeyTable: Table<CryptoKeyRecord> = {
  prefix: 'kms/key/',
  read: (json) => json as CryptoKeyRecord,
};

/** Row ids end in the version number, padded so that byte order is the order of numbers. */
export const versionTable: Table<VersionRecord> = {
  prefix: 'kms/version/',
  read: (json) => json as VersionRecord,
};

/** Row ids are names of rings and keys; no row: the empty policy. */
export const policyTable: Table<PolicyRecord> = {
  prefix: 'kms/policy/',
  read: (json) => json as PolicyRecord,
};

export const projectTable: Table<ProjectRecord> = {
  prefix: 'kms/project/',
  read: (json) => json as ProjectRecord,
};

export const projectNumberTable: Table<ProjectNumberRecord> = {
  prefix: 'kms/project-number/',
  read: (json) => json as ProjectNumberRecord,
};

const versionDigits = 10;

/** The row id of a version of `cryptoKey`. */
export function versionRowId(cryptoKey: string, version: number): string {
  return `${cryptoKey}/${String(version).padStart(versionDigits, '0')}`;
}
