import type { KeyedTopic, KeyPolicy } from '../../broker/index.ts';
import type { ServerConfig } from '../../config/index.ts';
import { AutoGrant, CmekPolicy, type CmekProjects, type GrantingKeys } from '../../kms/index.ts';
import type { Logger } from '../../runtime/index.ts';

/** The key service inside this process: elsewhere nobody is told of projects, or grants roles. */
export interface KeyPolicyParts {
  readonly projects: CmekProjects;
  readonly policies: Pick<GrantingKeys, 'grantKeyUse'>;
  pubsubServiceAgent(projectId: string): Promise<string>;
}

/**
 * What `--require-cmek`, `--cmek-key-projects` and `--auto-grant` make of topics' keys. Says at the
 * start that roles are granted automatically. `embedded` is null where the keys are in another
 * process; then projects are compared as they are written, and `--auto-grant` was refused.
 */
export function createKeyPolicy(
  config: Pick<ServerConfig, 'requireCmek' | 'cmekKeyProjects' | 'autoGrant'>,
  embedded: KeyPolicyParts | null,
  log: Logger,
): KeyPolicy {
  const { requireCmek, cmekKeyProjects: keyProjects } = config;
  const projects = embedded?.projects ?? { idOf: async (project: string) => project };
  const rules = new CmekPolicy({ requireCmek, keyProjects }, projects);
  return {
    require: (topic, method) => rules.require(topic, method),
    prepare:
      config.autoGrant && embedded !== null ? autoGrant(embedded, log) : async () => undefined,
    findings: async (topic) =>
      (await rules.violations(topic, 'CreateTopic')).map(({ constraint, description }) => ({
        severity: 'warning',
        reason: 'ORG_POLICY_VIOLATED',
        message: `The topic is served, but could not be created today (${constraint}). ${description}`,
      })),
  };
}

function autoGrant(embedded: KeyPolicyParts, log: Logger): (topic: KeyedTopic) => Promise<void> {
  log.warn(
    {},
    '--auto-grant is on: whoever creates a topic lets Pub/Sub use the key that it names. Never use it in production.',
  );
  const granting = new AutoGrant(
    {
      pubsubServiceAgent: (projectId) => embedded.pubsubServiceAgent(projectId),
      grantKeyUse: (key, member, caller) => embedded.policies.grantKeyUse(key, member, caller),
    },
    log,
  );
  return (topic) => granting.prepare(topic);
}
