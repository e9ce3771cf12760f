import type { ServerConfig } from '../config/index.ts';
import {
  PolicyAuthorizer,
  serverResource,
  type Authorizer,
  type PolicyRecord,
  type PolicySource,
  type Principal,
  type ResourceDirectory,
} from '../iam/index.ts';
import type { KeyService } from '../kms/index.ts';
import { RpcError } from '../rpc/index.ts';
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

/** Policies of projects, keys and Pub/Sub, and those of Run services once the vault is open. */
export class JoinedPolicies implements PolicySource {
  readonly #first: PolicySource;
  readonly #listeners = new Set<() => void>();
  #services: ServicePolicies | undefined;

  constructor(first: PolicySource) {
    this.#first = first;
    first.onChange(() => this.#announce());
  }

  join(services: ServicePolicies): void {
    this.#services = services;
    services.onChange(() => this.#announce());
    this.#announce();
  }

  policyOf(resource: string): PolicyRecord | undefined {
    return this.#first.policyOf(resource) ?? this.#services?.policyOf(resource);
  }

  projectIdOf(idOrNumber: string): string {
    return this.#first.projectIdOf(idOrNumber);
  }

  onChange(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Who decides what callers may do: by all policies that there are, and `--admin`. */
export function openAuthorizer(
  policies: PolicySource,
  directory: ResourceDirectory,
  config: Pick<ServerConfig, 'admins'>,
  { clock }: Pick<ServerPorts, 'clock'>,
): Authorizer {
  return new PolicyAuthorizer({ policies, directory, admins: config.admins, clock });
}

/** Says at a start that nobody could administer what was started, and what helps. */
export function warnOfNoAdministrator(
  policies: Pick<PolicySource, 'policyOf'>,
  { authentication, admins, dataDir }: Pick<ServerConfig, 'authentication' | 'admins' | 'dataDir'>,
  { log }: Pick<ServerPorts, 'log'>,
): void {
  const isAdministered = (policies.policyOf(serverResource)?.bindings.length ?? 0) > 0;
  if (authentication === 'off' || admins.length > 0 || isAdministered) return;
  log.warn(
    {},
    `nobody may administer this server yet, or be let in to it: stop it, make an account with ` +
      `"sealpost accounts create operator --project PROJECT --data-dir ${dataDir}", ` +
      'and start it with --admin serviceAccount:EMAIL',
  );
}

/** Lets a dead letter pass from a subscription to a topic. */
export type RequireForward = (subscription: string, deadLetterTopic: string) => Promise<void>;

/**
 * Asks what Pub/Sub's service agent of the subscription's project may, as Google does: publish to the
 * dead letter topic, and take from the subscription. Nobody is asked where nobody must show who he is.
 */
export function forwardCheck(
  authorizer: Pick<Authorizer, 'isGranted'>,
  keys: Pick<KeyService, 'pubsubServiceAgent'>,
  { authentication }: Pick<ServerConfig, 'authentication'>,
): RequireForward | undefined {
  if (authentication === 'off') return undefined;
  return async (subscription, deadLetterTopic) => {
    const agent = await keys.pubsubServiceAgent(subscription.split('/')[1] ?? '');
    const asked = [
      ['pubsub.topics.publish', deadLetterTopic],
      ['pubsub.subscriptions.consume', subscription],
    ] as const;
    for (const [permission, resource] of asked) {
      if (!authorizer.isGranted(agentOf(agent), permission, resource)) {
        const text = `The service agent ${agent} lacks ${permission} on ${resource}.`;
        throw new RpcError('PERMISSION_DENIED', 'SERVICE_AGENT_DENIED', text);
      }
    }
  };
}

function agentOf(member: string): Principal {
  const email = member.slice(member.indexOf(':') + 1);
  return { member, email, groups: [], expiresAtMs: Infinity, isValid: () => true };
}
