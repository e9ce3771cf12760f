/** Whose policy decides, where that is not the policy of what a field names. */
export type DemandPlace =
  /** The project of what the field names, which need not exist yet. */
  | 'project'
  /** The topic of the subscription that the field names; its project if there is no such one. */
  | 'topicOfSubscription'
  /** The service account whose email the field holds. */
  | 'serviceAccount';

/**
 * One permission that a method asks for. Where, is said by the path of a field of its request, in
 * snake_case (`topic`, `subscription.name`): the same text as the variable of its REST template.
 */
export interface Demand {
  /**
   * `pubsub.topics.publish`. A star in place of service and collection stands for the kind of what
   * is named: `*.getIamPolicy` is `pubsub.topics.getIamPolicy` of a topic.
   */
  readonly permission: string;
  /**
   * The field that names the resource, each of them if it is repeated; `server` for what concerns
   * the whole server. `name|topic`: the first that is set. Several fields between slashes make a
   * name: `projects/{project}/locations/{location}/services/{service}`, up to the first that is
   * not set.
   */
  readonly on: string;
  readonly at?: DemandPlace;
  /** Asked only if the field is set. */
  readonly isOptional?: true;
}

/** Who may call a method: whoever has every permission. Empty: whoever is authenticated. */
export interface AccessRule {
  /** `google.pubsub.v1.Publisher.Publish`: an RPC's full name, or a Route's `rpc`. */
  readonly rpc: string;
  readonly demands: readonly Demand[];
  /** Answered without authentication. */
  readonly isPublic?: true;
}

/** What the field at `path` of a request holds; empty if it is not set. */
export type FieldOf = (path: string) => string | readonly string[];
