import {
  runRoutes,
  vaultRoutes,
  type Route,
  type RunSurroundings,
  type VerificationControl,
} from '../api/index.ts';
import type { AuditWriter } from '../audit/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { Authorizer } from '../iam/index.ts';
import type { RunService, Vault, VaultAdministration } from '../vault/index.ts';
import { notServed } from './absent-broker.ts';

/** Where services are if nobody says: gcloud's own example. */
const defaultRegion = 'us-central1';

export interface VaultApiParts {
  readonly vault: Vault | undefined;
  readonly verification: VerificationControl;
  readonly writer: AuditWriter;
  readonly authorizer: Authorizer;
}

/** The Run API and the vault's upkeep; without the role vault each says how it would be served. */
export function vaultApi(
  { vault, verification, writer, authorizer }: VaultApiParts,
  config: ServerConfig,
): Route[] {
  const surroundings: RunSurroundings = {
    defaultLocation: config.region ?? defaultRegion,
    audit: { writer, recordsReads: config.auditPubsubReads },
    authorizer,
  };
  if (vault !== undefined) {
    return [
      ...runRoutes(vault.run, surroundings),
      ...vaultRoutes(vault.administration, verification),
    ];
  }
  // Their templates are all that is used of these.
  const routes = [
    ...runRoutes({} as RunService, surroundings),
    ...vaultRoutes({} as VaultAdministration, verification),
  ];
  return routes.map((route) => ({ ...route, handle: () => refuse(route.rpc) }));
}

function refuse(rpc: string): never {
  throw notServed(`${rpc} is not served here: start the server with the role vault in --roles.`);
}
