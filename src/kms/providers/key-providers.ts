import { unimplementedError, unconfiguredLevelError } from '../kms-error.ts';
import type {
  KeyProvider,
  ProtectionLevel,
  RandomProvider,
  RawKeyProvider,
} from './key-provider.ts';

/** One provider a protection level; those that this server was not given are absent. */
export interface KeyProviders {
  readonly software: RawKeyProvider;
  readonly hsm?: KeyProvider;
  readonly external?: KeyProvider;
}

/** @throws RpcError UNIMPLEMENTED if the level is not configured */
export function providerOf(providers: KeyProviders, level: ProtectionLevel): KeyProvider {
  const found = {
    SOFTWARE: providers.software,
    HSM: providers.hsm,
    EXTERNAL: providers.external,
  }[level];
  if (found === undefined) throw unconfiguredLevelError(level);
  return found;
}

/** @throws RpcError UNIMPLEMENTED if the level is not configured, or has symmetric keys alone */
export function rawProviderOf(providers: KeyProviders, level: ProtectionLevel): RawKeyProvider {
  const provider = providerOf(providers, level);
  if (isRaw(provider)) return provider;
  throw unimplementedError(`A raw or MAC key of protection level ${level}`);
}

/** @throws RpcError UNIMPLEMENTED if the level is not configured, or draws no random bytes */
export function randomProviderOf(providers: KeyProviders, level: ProtectionLevel): RandomProvider {
  const provider = providerOf(providers, level);
  if (isRandom(provider)) return provider;
  throw unimplementedError(`GenerateRandomBytes of this server's ${level}`);
}

function isRaw(provider: KeyProvider): provider is RawKeyProvider {
  return 'macSign' in provider && 'rawEncrypt' in provider && 'rawDecrypt' in provider;
}

function isRandom(provider: KeyProvider): provider is RandomProvider {
  return 'randomBytes' in provider;
}
