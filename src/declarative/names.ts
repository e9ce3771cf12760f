import type { Referent } from './shapes/shape.ts';

/** `projects/p/locations/global/keyRings/cafe` for `cafe`, `…/locations/us/…` for `us/cafe`. */
export function keyRingName(project: string, short: string): string {
  const [ring = '', location = 'global'] = short.split('/').toReversed();
  return `projects/${project}/locations/${location}/keyRings/${ring}`;
}

/** The full name for a short one; a full name as it is. */
export function fullName(of: Referent, project: string, name: string): string {
  if (name.startsWith('projects/')) return name;
  if (of !== 'keys') return `projects/${project}/${of}/${name}`;
  const at = name.lastIndexOf('/');
  return `${keyRingName(project, name.slice(0, at))}/cryptoKeys/${name.slice(at + 1)}`;
}

const keyName = /^projects\/([^/]+)\/locations\/([^/]+)\/keyRings\/([^/]+)(?:\/cryptoKeys\/(.+))?$/;

/** The shortest name that means the same in a project: also of a key ring. */
export function shortName(project: string, name: string): string {
  const [, owner, location, ring, key] = keyName.exec(name) ?? [];
  if (owner !== undefined) {
    const id = [ring, key].filter((part) => part !== undefined).join('/');
    if (owner !== project) return name;
    return location === 'global' ? id : `${location}/${id}`;
  }
  const parts = name.split('/');
  return parts.length === 4 && parts[1] === project ? parts[3]! : name;
}

/** The last part of a full name. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** What is before a collection in a name. */
export function parentOf(name: string, collection: string): string {
  return name.slice(0, name.lastIndexOf(`/${collection}/`));
}
