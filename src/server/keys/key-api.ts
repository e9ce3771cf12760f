import {
  keyServiceMethods,
  keyUseRoutes,
  projectRoutes,
  unbuiltKmsRoutes,
  type ApiMethod,
  type ApiOptions,
  type KeyLocations,
  type KeyUseSource,
  type KeyVersionUse,
  type RequireKey,
  type Route,
} from '../../api/index.ts';
import type { Broker } from '../../broker/index.ts';
import type { ServerConfig } from '../../config/index.ts';
import type { Authorizer } from '../../iam/index.ts';
import type { Vault } from '../../vault/index.ts';
import { absentKeyUse, notServed } from '../absent-broker.ts';
import { layerKeyUses } from './destruction-guard.ts';
import type { KeyServices } from './key-services.ts';

/** What of the API is about keys. */
export type KeyApi = Required<Pick<ApiOptions, 'methods' | 'routes'>> &
  Pick<ApiOptions, 'keyWatch'>;

/**
 * Cloud KMS, IAM, projects and KeyWatch; without the role kms each says where it is instead, but for
 * policies of what is here: projects, Pub/Sub's resources, the server.
 */
export function keyApi(
  services: KeyServices,
  authorizer: Pick<Authorizer, 'isGranted'>,
  config: ServerConfig,
): KeyApi {
  const { embedded, hub } = services;
  const locations: KeyLocations = {
    listed: [...new Set(['global', config.region ?? 'global'])],
    hasHsm: config.pkcs11Library !== null,
    hasExternal: config.ekmHosts.length > 0,
  };
  const methods = keyServiceMethods(embedded, locations, authorizer);
  const routes = [...projectRoutes(embedded), ...unbuiltKmsRoutes()];
  const { roles, kmsEndpoint } = config;
  if (roles.includes('kms') || kmsEndpoint === null) return { methods, routes, keyWatch: hub };
  const { url } = kmsEndpoint;
  return {
    methods: methods.map((each) => ({
      ...each,
      call: async (request, call) => {
        if (isAboutLocalPolicy(request)) return await each.call(request, call);
        return refuse(rpcOf(each), url);
      },
    })),
    routes: routes.map((route) => ({ ...route, handle: () => refuse(route.rpc, url) })),
  };
}

/** Requests of google.iam.v1.IAMPolicy all name a `resource`; keys' policies are with the keys. */
function isAboutLocalPolicy(request: object): boolean {
  const { resource } = request as { readonly resource?: unknown };
  return typeof resource === 'string' && !/^projects\/[^/]+\/locations\//.test(resource);
}

const rpcOf = ({ desc }: ApiMethod): string => `${desc.parent.typeName}.${desc.name}`;

function refuse(rpc: string, url: string): never {
  throw notServed(`${rpc} is not served here, as this server has --roles broker: ask ${url}.`);
}

/** Whose DEKs are under keys here. */
export interface UsersOfKeys {
  readonly broker: Broker | undefined;
  readonly vault: Pick<Vault, 'administration'> | undefined;
}

/**
 * What depends on keys: messages and images. Without the role broker rewraps of messages' DEKs are not served, nor
 * is the rest without the vault either.
 */
export function keyUseApi({ broker, vault }: UsersOfKeys, services: KeyServices): Route[] {
  const source: KeyUseSource = broker ?? absentKeyUse();
  if (vault === undefined) {
    return keyUseRoutes(
      source,
      broker === undefined ? async () => undefined : existenceIn(services),
    );
  }
  const both: KeyUseSource = {
    keyUse: async (name) => withImages((await broker?.keyUse(name)) ?? [], name, vault),
    startRewrap: (name, options) => source.startRewrap(name, options),
    rewrapProgress: (name) => source.rewrapProgress(name),
  };
  return keyUseRoutes(both, existenceIn(services));
}

/** The uses of a key, or of a version, and of the vault's DEKs under it. */
async function withImages(
  uses: readonly KeyVersionUse[],
  name: string,
  vault: Pick<Vault, 'administration'>,
): Promise<KeyVersionUse[]> {
  const all = new Map(uses.map((use) => [use.name, use]));
  for (const { name: version, dekCount, services } of await layerKeyUses(vault)) {
    if (version !== name && !version.startsWith(`${name}/`)) continue;
    const use = all.get(version) ?? { ...unused, name: version };
    all.set(version, { ...use, dekCount: use.dekCount + dekCount, services });
  }
  return [...all.values()].toSorted((a, b) => numberOf(a.name) - numberOf(b.name));
}

const unused: Omit<KeyVersionUse, 'name'> = {
  dekCount: 0,
  spareDekCount: 0,
  messageCount: 0,
  byteCount: 0,
  latestExpiryMs: null,
  topics: [],
};

const numberOf = (version: string): number => Number(version.split('/').at(-1));

/** Which keys there are in another key service is not known here: all are let pass. */
function existenceIn({ embedded, remote }: KeyServices): RequireKey {
  const { defaultKeyName } = embedded;
  return async (name) => {
    if (remote !== null && !`${name}/`.startsWith(`${defaultKeyName}/`)) return;
    await embedded.requireStored(name);
  };
}
