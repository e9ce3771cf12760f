import type { PolicyRecord } from './policy.ts';

/** Where policies are, in memory: asked for each decision. */
export interface PolicySource {
  /** The policy that stands on a resource itself; undefined: none. */
  policyOf(resource: string): PolicyRecord | undefined;
  /** The id of the project of that number; what is unknown stays as it is. */
  projectIdOf(idOrNumber: string): string;
  /** `listener` is told after each change of a policy. */
  onChange(listener: () => void): () => void;
}

/** Whom policies name. */
export interface PolicyMembers {
  /** Whether a policy of anything outside of a project names a member, whether or not he exists. */
  namesOutside(member: string, projectId: string): boolean;
}

/** What there is beside policies. */
export interface ResourceDirectory {
  /**
   * Which creation of it now has that name: of topics, subscriptions, snapshots, schemas and
   * services; undefined where there is none, or where names are never given again.
   */
  uidOf(resource: string): string | undefined;
  /** The topic of a subscription; undefined if there is no such one, or its topic is deleted. */
  topicOf(subscription: string): string | undefined;
}
