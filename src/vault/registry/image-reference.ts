import { parseDigest } from './image-digest.ts';

/** Where an image is, as people name it. */
export interface ImageReference {
  /** `us-docker.pkg.dev`, `127.0.0.1:5055`; `docker.io` where none is named. Lower case. */
  readonly host: string;
  /** `cloudrun/container/hello`. */
  readonly repository: string;
  /** `latest` where neither a tag nor a digest is named. */
  readonly tag: string | null;
  readonly digest: string | null;
  /** The whole of it, nothing left to be guessed: what is recorded. */
  readonly text: string;
}

const repositoryLengthMax = 255;
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const hostPattern = new RegExp(
  `^(?:\\[[0-9a-fA-F:]{2,39}\\]|${label}(?:\\.${label})*)(?::[0-9]{1,5})?$`,
);
const partPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` by the grammar of Docker and OCI references: the first
 * part is a host if it holds a dot or a colon or is `localhost`. Null for anything else.
 */
export function parseImageReference(text: string): ImageReference | null {
  if (text.length > 1_024) return null;
  const [named = '', digest = null, ...rest] = text.split('@');
  if (rest.length > 0 || (digest !== null && parseDigest(digest) === null)) return null;
  const { name, tag } = splitTag(named);
  if (tag !== null && !tagPattern.test(tag)) return null;
  const place = placeOf(name);
  if (place === null) return null;
  const kept = tag ?? (digest === null ? 'latest' : null);
  return { ...place, tag: kept, digest, text: textOf(place, kept, digest) };
}

function splitTag(named: string): { name: string; tag: string | null } {
  const at = named.indexOf(':', named.lastIndexOf('/') + 1);
  return at < 0
    ? { name: named, tag: null }
    : { name: named.slice(0, at), tag: named.slice(at + 1) };
}

function placeOf(name: string): Pick<ImageReference, 'host' | 'repository'> | null {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  const path = isHost ? name.slice(slash + 1) : name;
  if (path.length > repositoryLengthMax || !path.split('/').every((part) => partPattern.test(part)))
    return null;
  if (!isHost) return onDockerHub(path);
  if (!hostPattern.test(first)) return null;
  const host = first.toLowerCase().replace(/:443$/, '');
  const isHub = host === 'docker.io' || host === 'index.docker.io';
  return isHub ? onDockerHub(path) : { host, repository: path };
}

/** Docker Hub's own images are of the user `library`. */
function onDockerHub(path: string): Pick<ImageReference, 'host' | 'repository'> {
  return { host: 'docker.io', repository: path.includes('/') ? path : `library/${path}` };
}

function textOf(
  { host, repository }: Pick<ImageReference, 'host' | 'repository'>,
  tag: string | null,
  digest: string | null,
): string {
  const tagged = tag === null ? '' : `:${tag}`;
  const pinned = digest === null ? '' : `@${digest}`;
  return `${host}/${repository}${tagged}${pinned}`;
}
