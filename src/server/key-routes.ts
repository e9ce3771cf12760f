import { kmsRoutes, projectRoutes, type Route } from '../api/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { notServed } from './absent-broker.ts';
import type { KeyServices } from './key-services.ts';

/** Cloud KMS, IAM and projects over REST; without the role kms each says where it is instead. */
export function keyRoutes(services: KeyServices, config: ServerConfig): Route[] {
  const { embedded } = services;
  const routes = [...kmsRoutes(embedded), ...projectRoutes(embedded)];
  const { roles, kmsEndpoint } = config;
  if (roles.includes('kms') || kmsEndpoint === null) return routes;
  return routes.map((route) => ({ ...route, handle: () => refuse(route.rpc, kmsEndpoint.url) }));
}

function refuse(rpc: string, url: string): never {
  throw notServed(`${rpc} is not served here, as this server has --roles broker: ask ${url}.`);
}
