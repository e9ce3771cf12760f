import { getFips } from 'node:crypto';
import type { SodiumNative } from 'sodium-native';

/** True when OpenSSL runs with its FIPS provider: only suite 1 by node:crypto is permitted then. */
export const isFipsMode: boolean = getFips() === 1;

async function load(): Promise<SodiumNative | Error> {
  if (isFipsMode) return new Error('sodium is outside any FIPS-validated boundary');
  try {
    return (await import('sodium-native')).default;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const loaded = await load();

/** The native libsodium binding, or null where its prebuilt binary does not load. */
export const sodium: SodiumNative | null = loaded instanceof Error ? null : loaded;

/** Why `sodium` is null, for the log at start; null when it loaded. */
export const sodiumLoadError: string | null = loaded instanceof Error ? loaded.message : null;
