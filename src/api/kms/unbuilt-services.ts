import { unimplementedError } from '../../kms/index.ts';
import type { Route } from '../route.ts';

const ekm = 'google.cloud.kms.v1.EkmService';
const autokey = 'google.cloud.kms.v1.Autokey';

const location = 'projects/*/locations/*';
const ekmConnections = `${location}/ekmConnections`;

/**
 * Services of the Cloud KMS API that are not built, so that they answer UNIMPLEMENTED under their
 * own names and not as unknown paths.
 */
const unbuilt: readonly Pick<Route, 'rpc' | 'method' | 'template'>[] = [
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

export function unbuiltKmsRoutes(): Route[] {
  return unbuilt.map((route) => ({
    ...route,
    handle: () => {
      throw unimplementedError(route.rpc);
    },
  }));
}
