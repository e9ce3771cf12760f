import type { Route } from '../route.ts';

type Unbuilt = Pick<Route, 'rpc' | 'method' | 'template'>;

const keyManagement = 'google.cloud.kms.v1.KeyManagementService';
const ekm = 'google.cloud.kms.v1.EkmService';
const autokey = 'google.cloud.kms.v1.Autokey';

const location = 'projects/*/locations/*';
const cryptoKey = `${location}/keyRings/*/cryptoKeys/*`;
const version = `${cryptoKey}/cryptoKeyVersions/*`;
const importJobs = `${location}/keyRings/*/importJobs`;
const ekmConnections = `${location}/ekmConnections`;

/**
 * What of the Cloud KMS API is not built, so that it answers UNIMPLEMENTED under its own name and not
 * as an unknown path.
 */
export const unbuiltKmsMethods: readonly Unbuilt[] = [
  kms('DestroyCryptoKeyVersion', 'POST', `/v1/{name=${version}}:destroy`),
  kms('RestoreCryptoKeyVersion', 'POST', `/v1/{name=${version}}:restore`),
  kms('DeleteCryptoKey', 'DELETE', `/v1/{name=${cryptoKey}}`),
  kms('DeleteCryptoKeyVersion', 'DELETE', `/v1/{name=${version}}`),
  kms('ImportCryptoKeyVersion', 'POST', `/v1/{parent=${cryptoKey}}/cryptoKeyVersions:import`),
  kms('CreateImportJob', 'POST', `/v1/{parent=${location}/keyRings/*}/importJobs`),
  kms('GetImportJob', 'GET', `/v1/{name=${importJobs}/*}`),
  kms('ListImportJobs', 'GET', `/v1/{parent=${location}/keyRings/*}/importJobs`),
  kms('GetPublicKey', 'GET', `/v1/{name=${version}}/publicKey`),
  kms('RawEncrypt', 'POST', `/v1/{name=${version}}:rawEncrypt`),
  kms('RawDecrypt', 'POST', `/v1/{name=${version}}:rawDecrypt`),
  kms('AsymmetricSign', 'POST', `/v1/{name=${version}}:asymmetricSign`),
  kms('AsymmetricDecrypt', 'POST', `/v1/{name=${version}}:asymmetricDecrypt`),
  kms('MacSign', 'POST', `/v1/{name=${version}}:macSign`),
  kms('MacVerify', 'POST', `/v1/{name=${version}}:macVerify`),
  kms('Decapsulate', 'POST', `/v1/{name=${version}}:decapsulate`),
  kms('GenerateRandomBytes', 'POST', `/v1/{location=${location}}:generateRandomBytes`),
  kms('GetRetiredResource', 'GET', `/v1/{name=${location}/retiredResources/*}`),
  kms('ListRetiredResources', 'GET', `/v1/{parent=${location}}/retiredResources`),
  {
    rpc: `${ekm}.CreateEkmConnection`,
    method: 'POST',
    template: `/v1/{parent=${location}}/ekmConnections`,
  },
  {
    rpc: `${ekm}.ListEkmConnections`,
    method: 'GET',
    template: `/v1/{parent=${location}}/ekmConnections`,
  },
  { rpc: `${ekm}.GetEkmConnection`, method: 'GET', template: `/v1/{name=${ekmConnections}/*}` },
  {
    rpc: `${ekm}.UpdateEkmConnection`,
    method: 'PATCH',
    template: `/v1/{ekm_connection.name=${ekmConnections}/*}`,
  },
  {
    rpc: `${ekm}.VerifyConnectivity`,
    method: 'GET',
    template: `/v1/{name=${ekmConnections}/*}:verifyConnectivity`,
  },
  { rpc: `${ekm}.GetEkmConfig`, method: 'GET', template: `/v1/{name=${location}/ekmConfig}` },
  {
    rpc: `${ekm}.UpdateEkmConfig`,
    method: 'PATCH',
    template: `/v1/{ekm_config.name=${location}/ekmConfig}`,
  },
  {
    rpc: `${autokey}.CreateKeyHandle`,
    method: 'POST',
    template: `/v1/{parent=${location}}/keyHandles`,
  },
  {
    rpc: `${autokey}.GetKeyHandle`,
    method: 'GET',
    template: `/v1/{name=${location}/keyHandles/*}`,
  },
  {
    rpc: `${autokey}.ListKeyHandles`,
    method: 'GET',
    template: `/v1/{parent=${location}}/keyHandles`,
  },
];

function kms(rpc: string, method: Route['method'], template: string): Unbuilt {
  return { rpc: `${keyManagement}.${rpc}`, method, template };
}
