import { readWriteSession, returnValues, tokenFlags, userLogin } from './constants.ts';
import { type Cryptoki, CryptokiError } from './cryptoki.ts';
import { readUlong, ulongArray, ulongCell } from './native-record.ts';
import { readPin } from './pin-file.ts';
import { Pkcs11Error } from './pkcs11-error.ts';
import type { TokenPlace } from './token-request.ts';

/** CK_TOKEN_INFO: its label, padded with blanks, comes first; its flags lie behind four texts. */
const tokenInfoBytes = 512;
const labelBytes = 32;
const flagsAt: number = 32 + 32 + 16 + 16;

/** Opens a session with the one token of that label and logs in; resolves to its handle. */
export function openSession(cryptoki: Cryptoki, place: TokenPlace): number {
  const slot = slotOf(cryptoki, place.tokenLabel);
  const handle = ulongCell();
  cryptoki.call('C_OpenSession', slot, readWriteSession, null, null, handle);
  const session = readUlong(handle);
  try {
    login(cryptoki, session, place);
    return session;
  } catch (error) {
    closeQuietly(cryptoki, session);
    throw error;
  }
}

/** What is left of a session that is of no use; it may be gone already. */
export function closeQuietly(cryptoki: Cryptoki, session: number): void {
  try {
    cryptoki.call('C_CloseSession', session);
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
  }
}

function slotOf(cryptoki: Cryptoki, label: string): number {
  const matching = slotsWithToken(cryptoki).filter((slot) => {
    const info = tokenInfo(cryptoki, slot);
    if (info.label !== label || (info.flags & tokenFlags.isInitialized) === 0) return false;
    refuseRiskyPin(label, info.flags);
    return true;
  });
  const [slot] = matching;
  if (slot !== undefined && matching.length === 1) return slot;
  const text =
    slot === undefined
      ? `There is no PKCS#11 token with the label ${label}.`
      : `${matching.length} PKCS#11 tokens have the label ${label}: give each a label of its own.`;
  throw new Pkcs11Error('configuration', text);
}

/** One more wrong PIN would lock the token for good: a service that restarts must not try it. */
function refuseRiskyPin(label: string, flags: number): void {
  if ((flags & tokenFlags.isPinLocked) !== 0) {
    throw new Pkcs11Error('pinRefused', `The PIN of the PKCS#11 token ${label} is locked.`);
  }
  if ((flags & tokenFlags.isFinalTry) !== 0) {
    const text = `One more wrong PIN locks the PKCS#11 token ${label}: log in to it once by hand.`;
    throw new Pkcs11Error('pinRefused', text);
  }
}

function slotsWithToken(cryptoki: Cryptoki): number[] {
  const count = ulongCell();
  cryptoki.call('C_GetSlotList', 1, null, count);
  const slots = ulongArray(readUlong(count));
  if (slots.length > 0) cryptoki.call('C_GetSlotList', 1, slots, count);
  return Array.from({ length: readUlong(count) }, (_, index) => readUlong(slots, index));
}

function tokenInfo(cryptoki: Cryptoki, slot: number): { label: string; flags: number } {
  const info = new Uint8Array(tokenInfoBytes);
  cryptoki.call('C_GetTokenInfo', slot, info);
  const label = new TextDecoder().decode(info.subarray(0, labelBytes)).trimEnd();
  return { label, flags: readUlong(info.subarray(flagsAt)) };
}

const pinRefusals: ReadonlySet<number> = new Set([
  returnValues.CKR_PIN_INCORRECT,
  returnValues.CKR_PIN_INVALID,
  returnValues.CKR_PIN_LEN_RANGE,
  returnValues.CKR_PIN_EXPIRED,
  returnValues.CKR_PIN_LOCKED,
]);

function login(cryptoki: Cryptoki, session: number, { tokenLabel, pinFile }: TokenPlace): void {
  const pin = readPin(pinFile);
  try {
    cryptoki.call('C_Login', session, userLogin, pin, pin.length);
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    if (error.value === returnValues.CKR_USER_ALREADY_LOGGED_IN) return;
    if (!pinRefusals.has(error.value)) throw error;
    const text = `The PKCS#11 token ${tokenLabel} refuses the PIN of ${pinFile}: ${error.message}`;
    throw new Pkcs11Error('pinRefused', text);
  } finally {
    pin.fill(0);
  }
}
