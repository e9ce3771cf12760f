import { argumentError } from './kms-error.ts';

/** What every id of a ring or key looks like (cloudkms.v1 CreateKeyRing, CreateCryptoKey). */
const idPattern = /^[a-zA-Z0-9_-]{1,63}$/;
const locationPattern = /^(?!-$)[a-zA-Z0-9-]{1,63}$/;
/** Any printable segment: as lenient as the emulators, `example.com:legacy` included. */
const projectPattern = /^[!-.0-~]{1,200}$/;
const versionIdPattern = /^[1-9][0-9]{0,8}$/;

/** A KeyRing, CryptoKey or CryptoKeyVersion name, taken apart; each part is a full name. */
export interface KmsName {
  readonly project: string;
  readonly location: string;
  readonly keyRing: string;
  /** Undefined in the name of a ring. */
  readonly cryptoKey?: string;
  /** 1, 2, …; undefined unless it is the name of a version. */
  readonly version?: number;
}

export type KmsResourceKind = 'KeyRing' | 'CryptoKey' | 'CryptoKeyVersion';

const shapes: Readonly<Record<KmsResourceKind, string>> = {
  KeyRing: 'projects/*/locations/*/keyRings/*',
  CryptoKey: 'projects/*/locations/*/keyRings/*/cryptoKeys/*',
  CryptoKeyVersion: 'projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*',
};

/** The name's parts, or null if it names no KMS resource. */
export function parseKmsName(name: string): (KmsName & { readonly kind: KmsResourceKind }) | null {
  const parts = name.split('/');
  const shape = shapeOf(parts.length);
  if (shape === null || !fits(parts, shape)) return null;
  const [, project = '', , location = ''] = parts;
  return {
    kind: shape,
    project,
    location,
    keyRing: parts.slice(0, 6).join('/'),
    ...(parts.length > 6 && { cryptoKey: parts.slice(0, 8).join('/') }),
    ...(parts.length > 8 && { version: Number(parts[9]) }),
  };
}

function shapeOf(length: number): KmsResourceKind | null {
  if (length === 6) return 'KeyRing';
  if (length === 8) return 'CryptoKey';
  return length === 10 ? 'CryptoKeyVersion' : null;
}

function fits(parts: readonly string[], kind: KmsResourceKind): boolean {
  const words = shapes[kind].split('/');
  const patterns = [projectPattern, locationPattern, idPattern, idPattern, versionIdPattern];
  return words.every((word, i) =>
    word === '*' ? patterns[(i - 1) / 2]!.test(parts[i]!) : word === parts[i],
  );
}

/** @throws RpcError INVALID_ARGUMENT unless `name` is one of a resource of `kind`. */
export function requireName(name: string, kind: KmsResourceKind, field: string = 'name'): KmsName {
  const parsed = parseKmsName(name);
  if (parsed?.kind !== kind) throw shapeError(field, name, shapes[kind]);
  return parsed;
}

/** The parts of a CryptoKey's name. @throws RpcError INVALID_ARGUMENT */
export function requireKeyName(
  name: string,
  field: string = 'name',
): KmsName & { readonly cryptoKey: string } {
  const parsed = requireName(name, 'CryptoKey', field);
  return { ...parsed, cryptoKey: name };
}

/** The parts of a CryptoKeyVersion's name. @throws RpcError INVALID_ARGUMENT */
export function requireVersionName(
  name: string,
  field: string = 'name',
): KmsName & { readonly cryptoKey: string; readonly version: number } {
  const parsed = requireName(name, 'CryptoKeyVersion', field);
  return { ...parsed, cryptoKey: parsed.cryptoKey!, version: parsed.version! };
}

/** The project of `projects/P/locations/L`. @throws RpcError INVALID_ARGUMENT */
export function requireLocation(parent: string, field: string = 'parent'): string {
  const [collection, project = '', locations, location = '', ...rest] = parent.split('/');
  const fits =
    collection === 'projects' &&
    projectPattern.test(project) &&
    locations === 'locations' &&
    locationPattern.test(location) &&
    rest.length === 0;
  if (!fits) throw shapeError(field, parent, 'projects/*/locations/*');
  return project;
}

/** @throws RpcError INVALID_ARGUMENT */
export function requireId(id: string, field: string): void {
  if (idPattern.test(id)) return;
  throw argumentError(field, `Request field ${field} must match [a-zA-Z0-9_-]{1,63}.`);
}

/** Whether a project id can be part of a name at all. */
export function isProjectId(id: string): boolean {
  return projectPattern.test(id);
}

export function versionName(cryptoKey: string, version: number): string {
  return `${cryptoKey}/cryptoKeyVersions/${version}`;
}

function shapeError(field: string, name: string, shape: string): Error {
  return argumentError(
    field,
    `Request field ${field} '${name.slice(0, 256)}' must match ${shape}.`,
  );
}

/** The project that a name of any KMS resource begins with; null if it names none. */
export function projectOfResource(name: string): string | null {
  const [collection, project = ''] = name.split('/', 2);
  return collection === 'projects' && projectPattern.test(project) ? project : null;
}
