import type { KeyPurpose, VersionState, VersionTemplate } from '../key-administration.ts';
import type { AccessReason } from '../key-service.ts';
import type { KeyAlgorithm, Material, ProtectionLevel } from '../providers/key-provider.ts';
import type { AuditEntry } from '../../audit/index.ts';
import type { PolicyRecord } from '../../iam/index.ts';

/**
 * What the key store holds, one table each. Rows are sealed JSON; row ids are resource names, which
 * makes a list of a parent's children a range of keys. Rows are only added to: what an older row
 * lacks is what it meant when it was written.
 */
export interface Table<T> {
  readonly prefix: string;
  /** Rows are authenticated, so what opens has a shape that was written once. */
  readonly read: (json: unknown) => T;
}

export interface KeyRingRecord {
  readonly createTimeMs: number;
}

export interface CryptoKeyRecord {
  /** 16 random bytes in base64: a ciphertext names its key by them. */
  readonly uid: string;
  readonly purpose: KeyPurpose;
  readonly createTimeMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly versionTemplate: VersionTemplate;
  readonly destroyScheduledSeconds: number;
  readonly nextRotationTimeMs?: number;
  readonly rotationPeriodSeconds?: number;
  readonly allowedAccessReasons?: readonly AccessReason[];
  /** The number of the primary version; null: none. */
  readonly primary: number | null;
  /** The highest version number given so far. */
  readonly versionCount: number;
}

export interface VersionRecord {
  /** 15 random bytes in base64, recorded in each ciphertext. */
  readonly uid: string;
  readonly state: VersionState;
  readonly protectionLevel: ProtectionLevel;
  readonly algorithm: KeyAlgorithm;
  readonly createTimeMs: number;
  readonly generateTimeMs?: number;
  readonly generationFailureReason?: string;
  readonly destroyTimeMs?: number;
  readonly destroyEventTimeMs?: number;
  readonly externalKeyUri?: string;
  /** What its provider made; null once it is destroyed, or where it never was. */
  readonly material: Material | null;
}

/** Material of a destroyed version, until its provider has removed it. */
export interface DoomedRecord {
  readonly name: string;
  readonly protectionLevel: ProtectionLevel;
  readonly material: Material;
}

/** That freed pages may still hold destroyed material: gone after a compaction. */
export interface CompactionRecord {
  readonly sinceMs: number;
}

export interface RetiredRecord {
  readonly originalResource: string;
  readonly resourceType:
    | 'cloudkms.googleapis.com/CryptoKey'
    | 'cloudkms.googleapis.com/CryptoKeyVersion';
  readonly deleteTimeMs: number;
}

/** Where a deleted key's RetiredResource is: its name is not given again. */
export interface RetiredNameRecord {
  readonly retiredResource: string;
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

/** What all keys were before they said so. */
const earlierKey: Pick<CryptoKeyRecord, 'purpose' | 'versionTemplate'> = {
  purpose: 'ENCRYPT_DECRYPT',
  versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' },
};

export const cryptoKeyTable: Table<CryptoKeyRecord> = {
  prefix: 'kms/key/',
  read: (json) => ({
    ...earlierKey,
    ...(json as Omit<CryptoKeyRecord, 'purpose' | 'versionTemplate'>),
  }),
};

/** Row ids end in the version number, padded so that byte order is the order of numbers. */
export const versionTable: Table<VersionRecord> = {
  prefix: 'kms/version/',
  read: (json) => versionRecordOf(json as VersionRecord & { readonly wrappedKey?: string }),
};

/** Versions were once their wrapped key alone, of one level and one algorithm. */
function versionRecordOf({
  wrappedKey,
  ...record
}: VersionRecord & { readonly wrappedKey?: string }): VersionRecord {
  if (wrappedKey === undefined) return record;
  return {
    ...record,
    protectionLevel: 'SOFTWARE',
    algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
    generateTimeMs: record.createTimeMs,
    material: { wrappedKey },
  };
}

/** Row ids are those of the versions. */
export const doomedTable: Table<DoomedRecord> = {
  prefix: 'kms/doomed/',
  read: (json) => json as DoomedRecord,
};

/** One row or none. */
export const compactionTable: Table<CompactionRecord> = {
  prefix: 'kms/compaction/',
  read: (json) => json as CompactionRecord,
};

/** Row ids are names of RetiredResources. */
export const retiredTable: Table<RetiredRecord> = {
  prefix: 'kms/retired/',
  read: (json) => json as RetiredRecord,
};

/** Row ids are the names that deleted keys had. */
export const retiredNameTable: Table<RetiredNameRecord> = {
  prefix: 'kms/retired-name/',
  read: (json) => json as RetiredNameRecord,
};

/** Row ids are the entries' own, 32 hexadecimal digits. */
export const auditOutboxTable: Table<AuditEntry> = {
  prefix: 'kms/audit-outbox/',
  read: (json) => json as AuditEntry,
};

/** Row ids are names of what policies stand on, projects by id; no row: the empty policy. */
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
