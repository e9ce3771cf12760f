import { parseProjectName, parsePubsubName } from '../../rpc/index.ts';
import { usageError } from '../command/command-error.ts';

type Collection = 'topics' | 'subscriptions' | 'snapshots' | 'schemas';

const revisionId = /^[0-9a-f]{8}$/;

const keyId = /^[a-zA-Z0-9_-]{1,63}$/;
const keyPath = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;
const ringPath = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+$/;

/** Full names of what users name shortly: `orders` in the project, `cafe/orders` for a key. */
export class ResourceNames {
  readonly #project: string | undefined;

  constructor(project: string | undefined) {
    this.#project = project;
  }

  get hasProject(): boolean {
    return this.#project !== undefined;
  }

  /** The project's id. Throws a usage error if nobody named one. */
  project(): string {
    if (this.#project === undefined) {
      throw usageError('No project is named.', 'Add --project ID, or set SEALPOST_PROJECT.');
    }
    if (parseProjectName(`projects/${this.#project}`) !== undefined) return this.#project;
    throw usageError(`"${this.#project}" is no project id.`);
  }

  /** The project's id, or `fallback` if nobody named one. */
  projectOr(fallback: string): string {
    return this.#project === undefined ? fallback : this.project();
  }

  topic(text: string): string {
    return this.#pubsubName('topics', 'topic', text);
  }

  subscription(text: string): string {
    return this.#pubsubName('subscriptions', 'subscription', text);
  }

  snapshot(text: string): string {
    return this.#pubsubName('snapshots', 'snapshot', text);
  }

  schema(text: string): string {
    return this.#pubsubName('schemas', 'schema', text);
  }

  /** A schema, or one revision of it: `order@c7cfa2a8`. */
  revision(text: string): string {
    const at = text.indexOf('@');
    if (at === -1) return this.schema(text);
    const id = text.slice(at + 1);
    if (revisionId.test(id)) return `${this.schema(text.slice(0, at))}@${id}`;
    throw usageError(`"${id}" is no revision: write its 8 hexadecimal digits.`);
  }

  /** `RING/KEY`, `LOCATION/RING/KEY` or the full name. */
  key(text: string): string {
    if (keyPath.test(text)) return text;
    const parts = text.split('/');
    const [key = '', ring = '', location = 'global'] = parts.toReversed();
    if (parts.length === 2 || parts.length === 3) {
      return `${this.#ringOf(location, ring, text)}/cryptoKeys/${checkedId(key, text)}`;
    }
    throw usageError(`"${text}" is no key: write RING/KEY, LOCATION/RING/KEY or its full name.`);
  }

  /** `RING`, `LOCATION/RING` or the full name. */
  keyRing(text: string): string {
    if (ringPath.test(text)) return text;
    const parts = text.split('/');
    const [ring = '', location = 'global'] = parts.toReversed();
    if (parts.length < 3) return this.#ringOf(location, ring, text);
    throw usageError(`"${text}" is no key ring: write RING, LOCATION/RING or its full name.`);
  }

  location(id: string): string {
    return `projects/${this.project()}/locations/${checkedId(id, id)}`;
  }

  #ringOf(location: string, ring: string, text: string): string {
    return `${this.location(checkedId(location, text))}/keyRings/${checkedId(ring, text)}`;
  }

  #pubsubName(collection: Collection, noun: string, text: string): string {
    const name = text.includes('/') ? text : `projects/${this.project()}/${collection}/${text}`;
    if (parsePubsubName(name, collection) !== undefined) return name;
    throw usageError(
      `"${text}" is no ${noun}: write its id, 3 to 255 letters, digits and -_.~+% ` +
        `that begin with a letter, or projects/P/${collection}/ID.`,
    );
  }
}

function checkedId(id: string, text: string): string {
  if (keyId.test(id)) return id;
  throw usageError(`"${text}" has a part that is no id: 1 to 63 letters, digits, - and _.`);
}

/** The last part of a full name. */
export function shortId(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** `cafe/orders` of a key's full name; `us/cafe/orders` where it is not global. */
export function shortKey(name: string): string {
  const [, , , location, , ring, , key] = name.split('/');
  if (key === undefined) return name;
  return location === 'global' ? `${ring}/${key}` : `${location}/${ring}/${key}`;
}
