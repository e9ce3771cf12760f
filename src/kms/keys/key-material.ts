import type { AuditTrail } from '../audit/audit-trail.ts';
import { draw } from '../../runtime/index.ts';
import { toBase64 } from '../base64.ts';
import type { KmsContext } from '../kms-context.ts';
import { providerOf } from '../providers/key-providers.ts';
import type { VersionTemplate } from '../key-administration.ts';
import type { VersionRecord } from '../rows/records.ts';

/** Bytes of a key's uid in a ciphertext, and of a version's. */
export const keyUidBytes = 16;
export const versionUidBytes = 15;

export interface NewVersion {
  readonly state: 'ENABLED' | 'DISABLED';
  readonly externalKeyUri?: string;
}

/** Told of a key that was made, and is to be removed again if its row is not written. */
export type NewMaterial = Pick<AuditTrail, 'ifNothingLands'>;

/**
 * A new version for `name`, its material made by its provider. Nothing is stored yet.
 *
 * @throws RpcError of the provider; UNIMPLEMENTED where there is none
 */
export async function generateVersion(
  context: KmsContext,
  name: string,
  { protectionLevel, algorithm }: VersionTemplate,
  { state, externalKeyUri }: NewVersion,
  trail?: NewMaterial,
): Promise<VersionRecord> {
  const external = externalKeyUri === undefined ? null : { uri: externalKeyUri };
  const provider = providerOf(context.providers, protectionLevel);
  const createTimeMs = context.clock.wallMs();
  const material = await provider.generate({ name, algorithm }, external);
  trail?.ifNothingLands(() => provider.destroy(material));
  return {
    uid: toBase64(draw(context.entropy, versionUidBytes)),
    state,
    protectionLevel,
    algorithm,
    createTimeMs,
    generateTimeMs: context.clock.wallMs(),
    ...(externalKeyUri !== undefined && { externalKeyUri }),
    material,
  };
}
