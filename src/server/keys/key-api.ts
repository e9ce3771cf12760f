import {
  keyServiceMethods,
  keyUseRoutes,
  projectRoutes,
  unbuiltKmsRoutes,
  type ApiMethod,
  type ApiOptions,
  type RequireKey,
  type Route,
} from '../../api/index.ts';
import type { Broker } from '../../broker/index.ts';
import type { ServerConfig } from '../../config/index.ts';
import { absentKeyUse, notServed } from '../absent-broker.ts';
import type { KeyServices } from './key-services.ts';

/** What of the API is about keys. */
export type KeyApi = Required<Pick<ApiOptions, 'methods' | 'routes'>> &
  Pick<ApiOptions, 'keyWatch'>;

/** Cloud KMS, IAM, projects and KeyWatch; without the role kms each says where it is instead. */
export function keyApi(services: KeyServices, config: ServerConfig): KeyApi {
  const { embedded, hub } = services;
  const methods = keyServiceMethods(embedded, {
    listed: [...new Set(['global', config.region ?? 'global'])],
    hasHsm: config.pkcs11Library !== null,
    hasExternal: config.ekmHosts.length > 0,
  });
  const routes = [...projectRoutes(embedded), ...unbuiltKmsRoutes()];
  const { roles, kmsEndpoint } = config;
  if (roles.includes('kms') || kmsEndpoint === null) return { methods, routes, keyWatch: hub };
  const { url } = kmsEndpoint;
  return {
    methods: methods.map((each) => ({ ...each, call: async () => refuse(rpcOf(each), url) })),
    routes: routes.map((route) => ({ ...route, handle: () => refuse(route.rpc, url) })),
  };
}

const rpcOf = ({ desc }: ApiMethod): string => `${desc.parent.typeName}.${desc.name}`;

function refuse(rpc: string, url: string): never {
  throw notServed(`${rpc} is not served here, as this server has --roles broker: ask ${url}.`);
}

/** What depends on keys; without the role broker it says that it is not served. */
export function keyUseApi(broker: Broker | undefined, services: KeyServices): Route[] {
  if (broker === undefined) return keyUseRoutes(absentKeyUse(), async () => undefined);
  return keyUseRoutes(broker, existenceIn(services));
}

/** Which keys there are in another key service is not known here: all are let pass. */
function existenceIn({ embedded, remote }: KeyServices): RequireKey {
  const { defaultKeyName } = embedded;
  return async (name) => {
    if (remote !== null && !`${name}/`.startsWith(`${defaultKeyName}/`)) return;
    await embedded.requireStored(name);
  };
}
