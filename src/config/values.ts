import { isIP } from 'node:net';
import { ConfigError } from './config-error.ts';

/** Turns the text of an option into its value; throws ConfigError, without the option's name. */
export type Parse<Value> = (text: string) => Value;

/** A whole number in decimal digits, within both limits. */
export function wholeNumber(min: number, max: number): Parse<number> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new ConfigError(`must be a whole number from ${min} to ${max}`);
  };
}

/** One word of a closed list. */
export function oneOf<Word extends string>(words: readonly Word[]): Parse<Word> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    throw new ConfigError(`must be one of ${words.join(', ')}`);
  };
}

/** Items separated by commas, without repeats; `min` 0 allows an empty list. */
export function listOf<Item>(item: Parse<Item>, min: 0 | 1): Parse<Item[]> {
  return (text) => {
    const parts = text.split(',').map((part) => part.trim());
    const items = [...new Set(parts.filter((part) => part !== '').map(item))];
    if (items.length >= min) return items;
    throw new ConfigError('must not be empty');
  };
}

/** A switch: named alone it is on; the environment says true or false. */
export function flag(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new ConfigError('must be true or false');
}

/** A subnet as `address/bits`; an address alone is a subnet of one. */
export function subnet(text: string): string {
  const [address = '', bits, ...rest] = text.split('/');
  const whole = isIP(address) === 6 ? 128 : 32;
  const prefix = bits === undefined ? whole : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (isIP(address) !== 0 && !address.includes('%') && prefix <= whole && rest.length === 0) {
    return `${address.toLowerCase()}/${prefix}`;
  }
  throw new ConfigError('must be an address or subnet such as 10.1.0.0/16');
}

/** A file's path; null if none is named. */
export function optionalFile(text: string): string | null {
  if (text.includes('\0')) throw new ConfigError('must be the path of a file');
  return text === '' ? null : text;
}

/** An http or https URL by which others reach us, as it was written; null if none is named. */
export function optionalIssuer(text: string): string | null {
  if (text === '') return null;
  const url = URL.parse(text);
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (isPlain && !/[?#]/.test(text)) return text;
  throw new ConfigError('must be a URL such as https://pubsub.example.com, without query');
}

/** The id of a region, as Google Cloud forms them; '' is none. */
export function optionalRegion(text: string): string | null {
  if (text === '') return null;
  if (/^[a-z][a-z0-9-]{0,62}$/.test(text)) return text;
  throw new ConfigError('must be the id of a region such as europe-west3');
}

export function directory(text: string): string {
  if (text === '' || text.includes('\0')) throw new ConfigError('must be the path of a directory');
  return text;
}

/** An IP address, or `localhost`; a name would leave to DNS where the server listens. */
export function listenAddress(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIP(bare) !== 0 || bare === 'localhost') return bare;
  throw new ConfigError('must be an IP address or localhost');
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** A host name as in a Host header, without port. */
export function hostName(text: string): string {
  const name = text.toLowerCase();
  if (isIP(name) === 6) return `[${name}]`;
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) return name;
  throw new ConfigError('must be a host name without scheme or port');
}

/** A project id or number. The organization's forms of a project are taken, folders are not. */
export function keyProject(text: string): string {
  const project = text.replace(/^(?:under:|is:)?(?:projects\/)?/, '');
  if (/^[!-.0-~]{1,200}$/.test(project)) return project;
  throw new ConfigError('must be a project, as P, projects/P or under:projects/P');
}

/** scheme://host[:port], exactly as a browser writes it in Origin. */
export function webOrigin(text: string): string {
  if (
    URL.canParse(text) &&
    /^https?:$/.test(new URL(text).protocol) &&
    new URL(text).origin === text
  ) {
    return text;
  }
  throw new ConfigError('must be an origin such as https://app.example.com');
}
