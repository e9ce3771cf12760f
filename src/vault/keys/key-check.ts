import { equalBytes, wipe } from '../../crypto/index.ts';
import { keyPurposes, type VaultKeyPurpose } from '../../envelope/index.ts';
import type { KeyCaller, KeyService } from '../../kms/index.ts';
import { RpcError, type StatusCode } from '../../rpc/index.ts';
import { type Clock, draw, type Entropy } from '../../runtime/index.ts';
import type { VaultObserver } from '../observer.ts';
import type { KeyPlace } from './key-state.ts';
import { type KeyVerdict, unreachable, verdictOf } from './key-verdict.ts';

const dummyBytes = 32;
const dummyContext: Uint8Array = new TextEncoder().encode('sealpost/vault/key-check/v1');
/** A check that takes longer has failed; its answer, should it still come, counts for nothing. */
const deadlineMs = 30_000;

export interface KeyCheckPorts {
  readonly keys: KeyService;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly observer: Pick<VaultObserver, 'keyCall'>;
}

/** What one probe found. */
export interface ProbeOutcome {
  /** Null: good. */
  readonly verdict: KeyVerdict | null;
  /** The agent that asked; empty if it could not be found out. */
  readonly member: string;
  /** The version that encrypted, of a good one. */
  readonly version?: string;
  /** The key service does not let versions be named: this one says nothing. */
  readonly isMute: boolean;
}

/**
 * Encrypts dummy data with a key, or a version of it, and decrypts the result: both must succeed
 * and give back what went in. Never throws.
 */
export async function probeKey(
  ports: KeyCheckPorts,
  place: KeyPlace,
  name: string,
): Promise<ProbeOutcome> {
  let member = '';
  const probing = (async (): Promise<ProbeOutcome> => {
    member = await ports.keys.runServiceAgent(place.project);
    return await roundTrip(ports, place, name, member);
  })();
  try {
    return await within(ports.clock, probing);
  } catch (error) {
    const verdict = memberless(error, member) ?? verdictOf(error, { key: place.key, member });
    return { verdict, member, isMute: name !== place.key && saysNothing(error) };
  }
}

/** An error before anybody was asked about the key says nothing of it. */
function memberless(error: unknown, member: string): KeyVerdict | null {
  return member === '' ? unreachable(RpcError.from(error).message) : null;
}

function saysNothing(error: unknown): boolean {
  const { code } = RpcError.from(error);
  return code === 'INVALID_ARGUMENT' || code === 'NOT_FOUND' || code === 'UNIMPLEMENTED';
}

async function roundTrip(
  ports: KeyCheckPorts,
  place: KeyPlace,
  name: string,
  member: string,
): Promise<ProbeOutcome> {
  const { keys, entropy } = ports;
  const dummy = draw(entropy, dummyBytes);
  const additionalAuthenticatedData = dummyContext;
  const encrypting = { name, plaintext: dummy.slice(), additionalAuthenticatedData };
  const sealed = await measured(ports, 'encrypt_check', () =>
    keys.encrypt(encrypting, callerOf(place, member, 'encrypt_check')),
  );
  const { ciphertext } = sealed;
  const opened = await measured(ports, 'decrypt_check', () =>
    keys.decrypt(
      { name: place.key, ciphertext, additionalAuthenticatedData },
      callerOf(place, member, 'decrypt_check'),
    ),
  );
  const isSame = equalBytes(opened.plaintext, dummy);
  wipe(opened.plaintext);
  if (isSame) return { verdict: null, member, version: sealed.name, isMute: false };
  const text = `Key ${place.key} decrypted dummy data to other bytes than were encrypted.`;
  return { verdict: unreachable(text), member, isMute: false };
}

function callerOf(place: KeyPlace, member: string, purpose: VaultKeyPurpose): KeyCaller {
  return {
    member,
    reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION',
    resource: `projects/${place.project}`,
    purpose: keyPurposes[purpose],
    isHealthCheck: true,
  };
}

async function measured<Answer>(
  { clock, observer }: KeyCheckPorts,
  purpose: VaultKeyPurpose,
  call: () => Promise<Answer>,
): Promise<Answer> {
  const startMs = clock.monotonicMs();
  let code: StatusCode = 'OK';
  try {
    return await call();
  } catch (error) {
    ({ code } = RpcError.from(error));
    throw error;
  } finally {
    observer.keyCall(purpose, code, clock.monotonicMs() - startMs);
  }
}

/** Rejects with what `probing` rejects with. */
function within(clock: Clock, probing: Promise<ProbeOutcome>): Promise<ProbeOutcome> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(clock.monotonicMs() + deadlineMs, () => {
      const text = 'The key service did not answer a check of the key in time.';
      resolve({ verdict: unreachable(text), member: '', isMute: false });
    });
    void probing.then(resolve, reject).finally(cancel);
  });
}
