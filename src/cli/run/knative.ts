import { usageError } from '../command/command-error.ts';
import type { Flags } from '../command/flags.ts';
import type { Tools } from '../command/tools.ts';
import { Refusal } from '../connection/refusal.ts';
import { textIn, type Json } from '../connection/rest-api.ts';

export const keyAnnotation = 'run.googleapis.com/encryption-key';
export const actionAnnotation = 'run.googleapis.com/post-key-revocation-action-type';
export const hoursAnnotation = 'run.googleapis.com/encryption-key-shutdown-hours';

const regionDefault = 'us-central1';

/** `projects/P/locations/REGION`. */
export function locationOf(flags: Flags, { names }: Tools): string {
  const region = flags.text('region') ?? regionDefault;
  if (/^[a-z][a-z0-9-]{0,62}$/.test(region)) return names.location(region);
  throw usageError(`"${region}" is no region: write one such as us-central1 or europe-west3.`);
}

const serviceId = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** `projects/P/locations/REGION/services/ID`. */
export function serviceName(id: string, flags: Flags, tools: Tools): string {
  const location = locationOf(flags, tools);
  if (serviceId.test(id)) return `${location}/services/${id}`;
  throw usageError(
    `"${id}" is no id of a service: lower-case letters, digits and -, a letter first.`,
  );
}

/** An object in JSON; an empty one if there is none. */
export function objectIn(json: Json | undefined, ...path: readonly string[]): Json {
  let value: unknown = json;
  for (const name of path) {
    value = typeof value === 'object' && value !== null ? (value as Json)[name] : undefined;
  }
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

export function listIn(json: Json, ...path: readonly string[]): Json[] {
  const value: unknown = objectIn(json, ...path.slice(0, -1))[path.at(-1) ?? ''];
  return Array.isArray(value) ? (value as Json[]) : [];
}

/** The id of a Knative object. */
export function idOf(resource: Json): string {
  return textIn(objectIn(resource, 'metadata'), 'name');
}

export function annotationOf(resource: Json, name: string): string {
  return textIn(objectIn(resource, 'metadata', 'annotations'), name);
}

export function templateAnnotation(service: Json, name: string): string {
  return textIn(objectIn(service, 'spec', 'template', 'metadata', 'annotations'), name);
}

/** A condition of a service or a revision; an empty object if it has none of that type. */
export function conditionOf(resource: Json, type: string): Json {
  return listIn(resource, 'status', 'conditions').find((each) => each['type'] === type) ?? {};
}

/** Every item of a Knative list, page by page. */
export async function listAll({ api }: Tools, path: string, labels: string = ''): Promise<Json[]> {
  const items: Json[] = [];
  let next = '';
  do {
    const page = await api.get(path, {
      ...(next === '' ? {} : { continue: next }),
      ...(labels === '' ? {} : { labelSelector: labels }),
    });
    items.push(...listIn(page, 'items'));
    next = textIn(objectIn(page, 'metadata'), 'continue');
  } while (next !== '');
  return items;
}

/** A service, or null if there is none of that name. */
export async function serviceAt({ api }: Tools, name: string): Promise<Json | null> {
  try {
    return await api.get(name);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}
