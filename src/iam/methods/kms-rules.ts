import type { AccessRule } from '../access-rule.ts';
import { demand, rulesOf } from './rules.ts';

const keyRings = 'cloudkms.keyRings';
const cryptoKeys = 'cloudkms.cryptoKeys';
const versions = 'cloudkms.cryptoKeyVersions';
const importJobs = 'cloudkms.importJobs';
const connections = 'cloudkms.ekmConnections';

/** google.cloud.kms.v1, as cloud.google.com/kms/docs/reference/permissions-and-roles has it. */
const keys = rulesOf('google.cloud.kms.v1.KeyManagementService', {
  CreateKeyRing: [demand(`${keyRings}.create`, 'parent')],
  GetKeyRing: [demand(`${keyRings}.get`, 'name')],
  ListKeyRings: [demand(`${keyRings}.list`, 'parent')],
  CreateCryptoKey: [demand(`${cryptoKeys}.create`, 'parent')],
  GetCryptoKey: [demand(`${cryptoKeys}.get`, 'name')],
  ListCryptoKeys: [demand(`${cryptoKeys}.list`, 'parent')],
  UpdateCryptoKey: [demand(`${cryptoKeys}.update`, 'crypto_key.name')],
  UpdateCryptoKeyPrimaryVersion: [demand(`${cryptoKeys}.update`, 'name')],
  DeleteCryptoKey: [demand(`${cryptoKeys}.delete`, 'name')],
  CreateCryptoKeyVersion: [demand(`${versions}.create`, 'parent')],
  GetCryptoKeyVersion: [demand(`${versions}.get`, 'name')],
  ListCryptoKeyVersions: [demand(`${versions}.list`, 'parent')],
  UpdateCryptoKeyVersion: [demand(`${versions}.update`, 'crypto_key_version.name')],
  DestroyCryptoKeyVersion: [demand(`${versions}.destroy`, 'name')],
  RestoreCryptoKeyVersion: [demand(`${versions}.restore`, 'name')],
  DeleteCryptoKeyVersion: [demand(`${versions}.delete`, 'name')],
  GetPublicKey: [demand(`${versions}.viewPublicKey`, 'name')],
  Encrypt: [demand(`${versions}.useToEncrypt`, 'name')],
  Decrypt: [demand(`${versions}.useToDecrypt`, 'name')],
  RawEncrypt: [demand(`${versions}.useToEncrypt`, 'name')],
  RawDecrypt: [demand(`${versions}.useToDecrypt`, 'name')],
  AsymmetricSign: [demand(`${versions}.useToSign`, 'name')],
  AsymmetricDecrypt: [demand(`${versions}.useToDecrypt`, 'name')],
  Decapsulate: [demand(`${versions}.useToDecapsulate`, 'name')],
  MacSign: [demand(`${versions}.useToSign`, 'name')],
  MacVerify: [demand(`${versions}.useToVerify`, 'name')],
  GenerateRandomBytes: [demand('cloudkms.locations.generateRandomBytes', 'location')],
  GetRetiredResource: [demand('cloudkms.retiredResources.get', 'name')],
  ListRetiredResources: [demand('cloudkms.retiredResources.list', 'parent')],
  CreateImportJob: [demand(`${importJobs}.create`, 'parent')],
  GetImportJob: [demand(`${importJobs}.get`, 'name')],
  ListImportJobs: [demand(`${importJobs}.list`, 'parent')],
  ImportCryptoKeyVersion: [
    demand(`${versions}.create`, 'parent'),
    demand(`${importJobs}.useToImport`, 'import_job'),
  ],
  ImportTrustedKeyWrappedCryptoKeyVersion: [demand(`${versions}.create`, 'parent')],
  ExportTrustedKeyWrappedCryptoKeyVersion: [demand(`${versions}.get`, 'name')],
});

const external = rulesOf('google.cloud.kms.v1.EkmService', {
  CreateEkmConnection: [demand(`${connections}.create`, 'parent')],
  ListEkmConnections: [demand(`${connections}.list`, 'parent')],
  GetEkmConnection: [demand(`${connections}.get`, 'name')],
  UpdateEkmConnection: [demand(`${connections}.update`, 'ekm_connection.name')],
  VerifyConnectivity: [demand(`${connections}.verifyConnectivity`, 'name')],
  GetEkmConfig: [demand('cloudkms.ekmConfigs.get', 'name')],
  UpdateEkmConfig: [demand('cloudkms.ekmConfigs.update', 'ekm_config.name')],
});

const autokey = rulesOf('google.cloud.kms.v1.Autokey', {
  CreateKeyHandle: [demand('cloudkms.keyHandles.create', 'parent')],
  GetKeyHandle: [demand('cloudkms.keyHandles.get', 'name')],
  ListKeyHandles: [demand('cloudkms.keyHandles.list', 'parent')],
});

/** Services that many of Google's APIs have; here they are the key service's. */
const common = [
  ...rulesOf('google.cloud.location.Locations', {
    ListLocations: [demand('cloudkms.locations.list', 'name')],
    GetLocation: [demand('cloudkms.locations.get', 'name')],
  }),
  ...rulesOf('google.longrunning.Operations', {
    ListOperations: [demand('cloudkms.operations.list', 'name')],
    GetOperation: [demand('cloudkms.operations.get', 'name')],
    DeleteOperation: [demand('cloudkms.operations.get', 'name')],
    CancelOperation: [demand('cloudkms.operations.get', 'name')],
    WaitOperation: [demand('cloudkms.operations.get', 'name')],
  }),
];

export const kmsRules: readonly AccessRule[] = [...keys, ...external, ...autokey, ...common];
