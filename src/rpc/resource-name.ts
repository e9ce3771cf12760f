/** Collections of pubsub.v1 whose members users name. */
export type PubsubCollection = 'topics' | 'subscriptions' | 'snapshots' | 'schemas';

/** What a topic or subscription id may be (pubsub.v1 Topic.name): 3 to 255 characters. */
export const resourceIdPattern: RegExp = /^(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/;

/** A project id, a domain-scoped one (`example.com:app`), or a project number. */
export const projectIdPattern: RegExp = /^[A-Za-z0-9][A-Za-z0-9\-_.:{}]{0,99}$/;

export interface PubsubName {
  readonly project: string;
  readonly id: string;
}

/** The parts of `projects/P/<collection>/I`, or undefined if `name` is not such a name. */
export function parsePubsubName(
  name: string,
  collection: PubsubCollection,
): PubsubName | undefined {
  const parts = name.split('/');
  const [projects, project = '', kind, id = ''] = parts;
  if (parts.length !== 4 || projects !== 'projects' || kind !== collection) return undefined;
  if (!projectIdPattern.test(project) || !resourceIdPattern.test(id)) return undefined;
  return { project, id };
}

/** The project of `projects/P`, or undefined if `name` is not such a name. */
export function parseProjectName(name: string): string | undefined {
  if (!name.startsWith('projects/')) return undefined;
  const project = name.slice('projects/'.length);
  return projectIdPattern.test(project) ? project : undefined;
}
