/**
 * One permission that a method asks for. Where, is said by the path of a field of its request, in
 * snake_case (`topic`, `subscription.name`): the same text as the variable of its REST template.
 */
export interface Demand {
  /** `pubsub.topics.publish`. */
  readonly permission: string;
  /** The field that names the resource; `server` for what concerns the whole server. */
  readonly on: string;
  /** `project`: asked on the project of what the field names, which need not exist yet. */
  readonly at?: 'project' | 'topicOfSubscription';
  /** Asked only if the field is set. */
  readonly isOptional?: true;
}

/** Who may call a method: whoever has every permission. Empty: whoever is authenticated. */
export interface AccessRule {
  /** `google.pubsub.v1.Publisher.Publish`: an RPC's full name, or a Route's `rpc`. */
  readonly rpc: string;
  readonly demands: readonly Demand[];
}

/** What the field at `path` of a request holds; empty if it is not set. */
export type FieldOf = (path: string) => string;
