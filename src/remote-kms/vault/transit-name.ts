import { RpcError } from '../../rpc/index.ts';

const keyName =
  /^projects\/([A-Za-z0-9_-]+)\/locations\/([A-Za-z0-9-]+)\/keyRings\/([A-Za-z0-9_-]+)\/cryptoKeys\/([A-Za-z0-9_-]+)$/;

/** What transit takes for a key's name: it begins and ends with a letter, digit or underscore. */
const transitName = /^\w(?:[\w.-]*\w)?$/;

/**
 * The transit key that stands for a CryptoKey: project, location, ring and key, joined by dots. No
 * two CryptoKeys share one, as none of the four may hold a dot here.
 *
 * @throws RpcError INVALID_ARGUMENT for a name that has no such form: a project with a dot or colon
 */
export function transitKeyOf(cryptoKey: string): string {
  const name = keyName.exec(cryptoKey)?.slice(1).join('.') ?? '';
  if (transitName.test(name)) return name;
  throw new RpcError(
    'INVALID_ARGUMENT',
    'TRANSIT_NAME_INVALID',
    `${cryptoKey.slice(0, 256)} has no name in a transit engine: projects with a dot or colon, and ` +
      'projects or keys with a hyphen at their outer end have none.',
  );
}

/** The CryptoKeyVersion of a transit key's version. */
export function versionNameOf(cryptoKey: string, version: number): string {
  return `${cryptoKey}/cryptoKeyVersions/${version}`;
}

/** The version in `vault:vN:…`, or null if it is no ciphertext of a transit engine. */
export function versionIn(ciphertext: string): number | null {
  const [, version] = /^vault:v([1-9][0-9]{0,8}):[A-Za-z0-9+/]+={0,2}$/.exec(ciphertext) ?? [];
  return version === undefined ? null : Number(version);
}
