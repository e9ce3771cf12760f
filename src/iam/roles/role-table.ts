/** Permissions by the names of roles. */
export type RoleTable = Readonly<Record<string, readonly string[]>>;

/** `permissions('pubsub.topics')('get', 'list')`: the verbs as permissions of a collection. */
export function permissions(collection: string): (...verbs: readonly string[]) => string[] {
  return (...verbs) => verbs.map((verb) => `${collection}.${verb}`);
}
