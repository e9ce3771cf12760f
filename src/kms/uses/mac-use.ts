import { equalBytes } from '../../crypto/index.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import type { KeyCaller } from '../key-service.ts';
import { argumentError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { requireLocation } from '../names.ts';
import type { ProtectionLevel } from '../providers/key-provider.ts';
import { randomProviderOf, rawProviderOf } from '../providers/key-providers.ts';
import { requireInputLengths, requireNamedVersion, takeQuota } from './usable-version.ts';

/** cloudkms.v1 GenerateRandomBytesRequest.length_bytes. */
const randomBytesMin = 8;
const randomBytesMax = 1024;

interface Signed {
  readonly mac: Uint8Array;
  readonly protectionLevel: ProtectionLevel;
}

/** MacSign, MacVerify and GenerateRandomBytes. */
export class MacUses {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError NOT_FOUND, FAILED_PRECONDITION, INVALID_ARGUMENT */
  sign(name: string, data: Uint8Array, caller: KeyCaller): Promise<Signed> {
    const call = keyOperation('MacSign', name, caller, { request: { name } });
    return audited(this.#context, call, () => this.#macOf('MacSign', name, data, caller));
  }

  /** @throws RpcError as above; a MAC of another length is no MAC of this key */
  verify(
    name: string,
    data: Uint8Array,
    mac: Uint8Array,
    caller: KeyCaller,
  ): Promise<{ readonly isValid: boolean; readonly protectionLevel: ProtectionLevel }> {
    const call = keyOperation('MacVerify', name, caller, { request: { name } });
    return audited(this.#context, call, async (trail) => {
      const expected = await this.#macOf('MacVerify', name, data, caller);
      const isValid = equalBytes(expected.mac, mac);
      trail.respond({ success: isValid });
      return { isValid, protectionLevel: expected.protectionLevel };
    });
  }

  /** @throws RpcError INVALID_ARGUMENT; UNIMPLEMENTED without an HSM */
  randomBytes(
    location: string,
    length: number,
    level: ProtectionLevel,
    caller: KeyCaller,
  ): Promise<Uint8Array> {
    const request = { location, lengthBytes: length, protectionLevel: level };
    const call = keyOperation('GenerateRandomBytes', location, caller, { request });
    return audited(this.#context, call, async () => {
      const projectId = requireLocation(location, 'location');
      requireRandomLength(length);
      if (level !== 'HSM') {
        const message = 'Request field protection_level must be HSM to generate random bytes.';
        throw argumentError('protection_level', message);
      }
      const provider = randomProviderOf(this.#context.providers, level);
      await this.#context.quotas?.take({ projectId, location: location.split('/')[3]!, level });
      return await provider.randomBytes(length);
    });
  }

  async #macOf(
    operation: 'MacSign' | 'MacVerify',
    name: string,
    data: Uint8Array,
    caller: KeyCaller,
  ): Promise<Signed> {
    const asked = { operation, purpose: 'MAC', caller } as const;
    const { use, version } = await requireNamedVersion(this.#context, name, asked);
    const provider = rawProviderOf(this.#context.providers, version.protectionLevel);
    requireInputLengths(provider, { data });
    await takeQuota(this.#context, use, version);
    const mac = await provider.macSign(use, data);
    return { mac, protectionLevel: version.protectionLevel };
  }
}

function requireRandomLength(length: number): void {
  if (Number.isInteger(length) && length >= randomBytesMin && length <= randomBytesMax) return;
  throw argumentError(
    'length_bytes',
    `Request field length_bytes must be between ${randomBytesMin} and ${randomBytesMax}. ` +
      `Provided value was ${length}.`,
  );
}
