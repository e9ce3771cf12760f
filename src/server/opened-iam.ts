import type { ServerConfig } from '../config/index.ts';
import {
  PolicyAuthorizer,
  type Authorizer,
  type PolicySource,
  type ResourceDirectory,
} from '../iam/index.ts';
import type { ServicePolicies } from '../vault/index.ts';
import type { ServerPorts } from './ports.ts';

/** What runs here and knows the resources that policies stand on, once it is open. */
export interface DirectorySources {
  readonly broker: { readonly directory: ResourceDirectory } | undefined;
}

/** What there is that policies stand on; of a server of which not everything may be open yet. */
export function directoryOf(sources: DirectorySources): ResourceDirectory {
  return {
    uidOf: (resource) => sources.broker?.directory.uidOf(resource),
    topicOf: (subscription) => sources.broker?.directory.topicOf(subscription),
  };
}

export interface AuthorizerParts {
  /** Of projects, keys and Pub/Sub, in the keys' store. */
  readonly policies: PolicySource;
  /** Of Run services, which the vault keeps with them. */
  readonly services: ServicePolicies | undefined;
  readonly directory: ResourceDirectory;
}

/** Who decides what callers may do: by all policies that there are, and `--admin`. */
export function openAuthorizer(
  { policies, services, directory }: AuthorizerParts,
  config: Pick<ServerConfig, 'admins'>,
  { clock }: Pick<ServerPorts, 'clock'>,
): Authorizer {
  const all = services === undefined ? policies : withServices(policies, services);
  return new PolicyAuthorizer({ policies: all, directory, admins: config.admins, clock });
}

function withServices(policies: PolicySource, services: ServicePolicies): PolicySource {
  return {
    policyOf: (resource) => policies.policyOf(resource) ?? services.policyOf(resource),
    projectIdOf: (project) => policies.projectIdOf(project),
    onChange(listener) {
      const ignore = [policies.onChange(listener), services.onChange(listener)];
      return () => {
        for (const each of ignore) each();
      };
    },
  };
}
