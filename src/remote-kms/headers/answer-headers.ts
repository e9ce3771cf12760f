import type { DecryptResponse } from '../../kms/index.ts';
import { CorruptionError } from '../call-attempts.ts';
import type { HeaderOf } from '../kms-channel.ts';

/**
 * What a Sealpost key service says of a Decrypt beside its message, which has no fields for it:
 * gRPC response metadata, or headers of a REST answer. Cloud KMS says neither.
 */
const names = {
  /** The CryptoKeyVersion that was used. */
  version: 'x-sealpost-version',
  /** How long the key's owner lets the plaintext be kept, in whole milliseconds. */
  cacheMs: 'x-sealpost-cache-ms',
} as const;

type Said = Pick<DecryptResponse, 'name' | 'cacheMs'>;

/** The headers by name; values are visible ASCII. */
export function answerHeaders({ name, cacheMs }: Said): Record<string, string> {
  return {
    [names.version]: name,
    // Rounded down: nobody may keep it longer than was allowed.
    ...(cacheMs !== undefined && { [names.cacheMs]: String(Math.floor(cacheMs)) }),
  };
}

/**
 * What the headers of the answer to a Decrypt with `keyName` say; of the version nothing, if the
 * service does not say: then the name is the key's.
 *
 * @throws CorruptionError for a version of another key, or a time that is none
 */
export function readAnswerHeaders(header: HeaderOf, keyName: string): Said {
  const name = header(names.version) ?? keyName;
  if (name !== keyName && !name.startsWith(`${keyName}/cryptoKeyVersions/`)) {
    throw new CorruptionError('it names another key than was asked for.');
  }
  const cacheMs = header(names.cacheMs);
  if (cacheMs === undefined) return { name };
  if (!/^\d{1,15}$/.test(cacheMs)) {
    throw new CorruptionError(`${names.cacheMs} is no number of milliseconds.`);
  }
  return { name, cacheMs: Number(cacheMs) };
}
