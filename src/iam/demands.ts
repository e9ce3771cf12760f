import type { Demand, FieldOf } from './access-rule.ts';
import type { ResourceDirectory } from './policy-source.ts';
import { accountResource, projectOf, serverResource } from './resource.ts';

/** One permission on one resource, as a call asks for it. */
export interface AskedPermission {
  readonly permission: string;
  readonly resource: string;
}

/**
 * What a demand asks of a call: once for each resource that it names. A field that is not set, and
 * need not be, asks nothing; one that must be asks on the server, whose administrators then hear
 * what is wrong with the request.
 */
export function askedOf(
  demand: Demand,
  field: FieldOf,
  directory: Pick<ResourceDirectory, 'topicOf'>,
): readonly AskedPermission[] {
  const names = namesOf(demand.on, field);
  if (names.length === 0 && demand.isOptional === true) return [];
  const resources = names.length === 0 ? [serverResource] : names;
  return resources.map((name) => ({
    permission: demand.permission,
    resource: placeOf(demand, name, directory),
  }));
}

function placeOf(
  { at }: Demand,
  name: string,
  directory: Pick<ResourceDirectory, 'topicOf'>,
): string {
  if (at === undefined) return name;
  if (at === 'serviceAccount') return accountResource(name);
  const topic = at === 'topicOfSubscription' ? directory.topicOf(name) : undefined;
  return topic ?? projectOf(name) ?? serverResource;
}

/** No method takes more names at once. */
const namesMax = 100;

/** Whoever names more than any method takes is asked as if for everything: each would cost a look. */
function namesOf(on: string, field: FieldOf): readonly string[] {
  if (on === 'server') return [serverResource];
  if (on.includes('{')) return [composed(on, field)];
  for (const path of on.split('|')) {
    const value = field(path);
    if (typeof value !== 'string' && value.length > namesMax) return [serverResource];
    const values = (typeof value === 'string' ? [value] : value).filter((each) => each !== '');
    if (values.length > 0) return values;
  }
  return [];
}

/** A name made of several fields, up to the first that is not set. */
function composed(template: string, field: FieldOf): string {
  const parts: string[] = [];
  for (const part of template.split('/')) {
    const path = /^\{(.+)\}$/.exec(part)?.[1];
    const value = path === undefined ? part : field(path);
    // A slash in it would name something else.
    if (typeof value !== 'string' || value === '' || (path !== undefined && value.includes('/'))) {
      return parts.slice(0, -1).join('/') || serverResource;
    }
    parts.push(value);
  }
  return parts.join('/');
}
