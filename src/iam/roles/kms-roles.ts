import { permissions, type RoleTable } from './role-table.ts';

const keyVersions = permissions('cloudkms.cryptoKeyVersions');
const cryptoKeys = permissions('cloudkms.cryptoKeys');
const keyRings = permissions('cloudkms.keyRings');
const locations = permissions('cloudkms.locations');
const importJobs = permissions('cloudkms.importJobs');
const ekmConnections = permissions('cloudkms.ekmConnections');
const ekmConfigs = permissions('cloudkms.ekmConfigs');
const keyHandles = permissions('cloudkms.keyHandles');
const rewraps = permissions('sealpost.rewraps');

const encrypt = keyVersions('useToEncrypt');
const decrypt = keyVersions('useToDecrypt');
const sign = keyVersions('useToSign');
const verify = keyVersions('useToVerify', 'viewPublicKey');
const operations = ['cloudkms.operations.get', 'cloudkms.operations.list'];
/** What depends on keys, and their DEKs' way to new versions: ours, and told to who sees keys. */
const protectedResources = ['cloudkms.protectedResources.search'];
const retired = ['cloudkms.retiredResources.get', 'cloudkms.retiredResources.list'];

export const kmsViewed: readonly string[] = [
  ...keyVersions('get', 'list'),
  ...cryptoKeys('get', 'list'),
  ...keyRings('get', 'list'),
  ...locations('get', 'list'),
  ...importJobs('get', 'list'),
  ...ekmConnections('get', 'list', 'verifyConnectivity'),
  ...ekmConfigs('get'),
  ...keyHandles('get', 'list'),
  ...operations,
  ...retired,
];
export const kmsPoliciesRead: readonly string[] = [
  ...cryptoKeys('getIamPolicy'),
  ...keyRings('getIamPolicy'),
  ...importJobs('getIamPolicy'),
  ...ekmConnections('getIamPolicy'),
  ...ekmConfigs('getIamPolicy'),
];
export const kmsPoliciesSet: readonly string[] = [
  ...cryptoKeys('setIamPolicy'),
  ...keyRings('setIamPolicy'),
  ...importJobs('setIamPolicy'),
  ...ekmConnections('setIamPolicy'),
  ...ekmConfigs('setIamPolicy'),
];
export const kmsEdited: readonly string[] = [
  ...keyVersions('create', 'delete', 'update'),
  ...cryptoKeys('create', 'delete', 'update'),
  ...keyRings('create'),
  ...importJobs('create'),
  ...ekmConnections('create', 'update'),
  ...ekmConfigs('update'),
  ...keyHandles('create'),
];
const destroyed = keyVersions('destroy', 'restore');
export const kmsAdministered: readonly string[] = [
  ...kmsViewed,
  ...kmsPoliciesRead,
  ...kmsPoliciesSet,
  ...kmsEdited,
  ...destroyed,
  ...rewraps('create', 'get'),
];
export const kmsOperated: readonly string[] = [
  ...new Set([...encrypt, ...decrypt, ...sign, ...verify, ...keyVersions('useToDecapsulate')]),
  ...locations('generateRandomBytes'),
];

/** The names that a list shows. */
export const kmsListed: readonly string[] = [
  ...keyVersions('list'),
  ...cryptoKeys('list'),
  ...keyRings('list'),
];

/** Cloud KMS's predefined roles (cloud.google.com/iam/docs/roles-permissions/cloudkms). */
export const kmsRoles: RoleTable = {
  'roles/cloudkms.admin': kmsAdministered,
  'roles/cloudkms.viewer': kmsViewed,
  'roles/cloudkms.cryptoKeyEncrypterDecrypter': [...encrypt, ...decrypt],
  'roles/cloudkms.cryptoKeyEncrypter': encrypt,
  'roles/cloudkms.cryptoKeyDecrypter': decrypt,
  'roles/cloudkms.cryptoOperator': kmsOperated,
  'roles/cloudkms.signer': sign,
  'roles/cloudkms.verifier': verify,
  'roles/cloudkms.signerVerifier': [...sign, ...verify],
  'roles/cloudkms.publicKeyViewer': keyVersions('viewPublicKey'),
  'roles/cloudkms.importer': importJobs('create', 'get', 'list', 'useToImport'),
  'roles/cloudkms.protectedResourcesViewer': protectedResources,
  'roles/iam.dataScientist': [...encrypt, ...decrypt],
  'roles/iam.devOps': [...encrypt, ...decrypt],
};

/** The role that a service agent needs on a key: Encrypt and Decrypt. */
export const encrypterDecrypterRole = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
