import type { ServerConfig } from '../config/index.ts';
import {
  PolicyAuthorizer,
  type Authorizer,
  type PolicySource,
  type ResourceDirectory,
} from '../iam/index.ts';
import type { ServerPorts } from './ports.ts';

/** What runs here and knows the resources that policies stand on; each part knows its own. */
export interface DirectorySources {
  /** Of topics, subscriptions, snapshots and schemas. */
  broker: ResourceDirectory | undefined;
  /** Of Run services. */
  services: Pick<ResourceDirectory, 'uidOf'> | undefined;
}

/** The directory of a server of which not everything may be open yet. */
export function directoryOf(sources: DirectorySources): ResourceDirectory {
  return {
    uidOf: (resource) => sources.broker?.uidOf(resource) ?? sources.services?.uidOf(resource),
    topicOf: (subscription) => sources.broker?.topicOf(subscription),
  };
}

/** Who decides what callers may do: by the policies in the keys' store, and `--admin`. */
export function openAuthorizer(
  policies: PolicySource,
  directory: ResourceDirectory,
  config: Pick<ServerConfig, 'admins'>,
  { clock }: Pick<ServerPorts, 'clock'>,
): Authorizer {
  return new PolicyAuthorizer({ policies, directory, admins: config.admins, clock });
}
