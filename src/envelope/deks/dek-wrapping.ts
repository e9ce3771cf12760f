import { type AeadKey, commitmentOf, equalBytes, keyBytes, wipe } from '../../crypto/index.ts';
import {
  type AccessReason,
  type DecryptResponse,
  type KeyCaller,
  serviceMember,
} from '../../kms/index.ts';
import { draw } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { withCallDeadline } from '../call-deadline.ts';
import type { SealedTopic } from '../dek.ts';
import type { DekContext } from './dek-context.ts';
import { commitmentMismatch, refusalOf, suiteUnavailable } from './dek-refusal.ts';
import { type DekIdentity, type DekRow, wrapAssociatedData } from './dek-row.ts';

/**
 * Where DEK bytes meet the key service. They exist unwrapped only inside this file, are zeroed
 * before its functions return, and leave it as an AeadKey whose commitment was checked.
 */

/** What unwrapping takes. */
export type UnwrapPorts = Pick<DekContext, 'keys' | 'providers' | 'clock' | 'observer'>;

/** A DEK, unwrapped, and how long the key's owner lets it be kept; absent: no say. */
export interface UnwrappedDek {
  readonly key: AeadKey;
  /** The CryptoKeyVersion that unwrapped it; the CryptoKey where its service does not say. */
  readonly unwrappedBy: string;
  readonly cacheMs?: number;
}

/** A new DEK, not yet stored: it must not seal before its row is durable. */
export interface WrappedDek extends UnwrappedDek {
  readonly row: DekRow;
}

/** Draws a DEK, wraps it and proves the wrap by unwrapping it once. Throws as `refusalOf` says. */
export async function wrapNewDek(
  context: DekContext,
  topic: SealedTopic,
  use: { readonly keyName: string; readonly reason: AccessReason },
  identity: DekIdentity,
): Promise<WrappedDek> {
  const bytes = draw(context.entropy, keyBytes);
  try {
    const additionalAuthenticatedData = wrapAssociatedData(topic, identity);
    const request = { name: use.keyName, plaintext: bytes, additionalAuthenticatedData };
    context.failpoints('beforeDekWrap');
    const wrap = await call(context, 'encrypt', topic, use, (caller) =>
      context.keys.encrypt(request, caller),
    );
    const row: DekRow = {
      ...identity,
      topicUid: topic.uid.slice(),
      kekName: use.keyName,
      kekVersionName: wrap.name,
      commitment: commitmentFor(bytes, topic, identity),
      wrapped: Uint8Array.from(wrap.ciphertext),
    };
    const unwrapped = await unwrapDek(context, topic, row, use.reason);
    context.failpoints('afterDekWrap');
    return { row, ...unwrapped };
  } finally {
    wipe(bytes);
  }
}

/** Unwraps a row's DEK and checks its commitment. Throws as `refusalOf` says, or DATA_LOSS. */
export async function unwrapDek(
  context: UnwrapPorts,
  topic: SealedTopic,
  row: DekRow,
  reason: AccessReason,
): Promise<UnwrappedDek> {
  const provider = context.providers.for(row.suite);
  if (provider === undefined) throw suiteUnavailable(topic, row.suite);
  const startMs = context.clock.monotonicMs();
  const { plaintext: bytes, name, cacheMs } = await decryptRow(context, topic, row, reason);
  try {
    if (!isCommitted(bytes, topic, row)) throw commitmentMismatch(row.kekName, topic);
    context.observer.unwrapped(context.clock.monotonicMs() - startMs);
    const key = provider.importKey(bytes);
    return { key, unwrappedBy: name, ...(cacheMs !== undefined && { cacheMs }) };
  } finally {
    wipe(bytes);
  }
}

/**
 * The row, its DEK wrapped anew under `keyName` and proven as a new one is. The DEK stays what it
 * is, and so does all that it sealed. Throws as `unwrapDek` does.
 */
export async function rewrapDek(
  context: DekContext,
  topic: SealedTopic,
  row: DekRow,
  keyName: string,
): Promise<DekRow> {
  const reason = 'GOOGLE_INITIATED_SYSTEM_OPERATION';
  const { plaintext: bytes } = await decryptRow(context, topic, row, reason);
  try {
    if (!isCommitted(bytes, topic, row)) throw commitmentMismatch(row.kekName, topic);
    const additionalAuthenticatedData = wrapAssociatedData(topic, row);
    const request = { name: keyName, plaintext: bytes, additionalAuthenticatedData };
    const wrap = await call(context, 'encrypt', topic, { keyName, reason }, (caller) =>
      context.keys.encrypt(request, caller),
    );
    const wrapped = Uint8Array.from(wrap.ciphertext);
    const moved = { ...row, kekName: keyName, kekVersionName: wrap.name, wrapped };
    const { key } = await unwrapDek(context, topic, moved, reason);
    key.destroy();
    return moved;
  } finally {
    wipe(bytes);
  }
}

function decryptRow(
  context: UnwrapPorts,
  topic: SealedTopic,
  row: DekRow,
  reason: AccessReason,
): Promise<DecryptResponse> {
  const additionalAuthenticatedData = wrapAssociatedData(topic, row);
  const request = { name: row.kekName, ciphertext: row.wrapped, additionalAuthenticatedData };
  return decrypt(context, topic, { keyName: row.kekName, reason }, request);
}

/** Encrypts and decrypts random bytes as a wrap would. Throws as `refusalOf` says, or DATA_LOSS. */
export async function probeKey(
  context: DekContext,
  topic: SealedTopic,
  keyName: string,
): Promise<void> {
  const sample = draw(context.entropy, keyBytes);
  const identity: DekIdentity = {
    version: 0,
    suite: context.providers.preferred.suite,
    createTimeMs: context.clock.wallMs(),
    sealFromMs: context.clock.wallMs(),
  };
  const use = { keyName, reason: 'CUSTOMER_INITIATED_ACCESS' as const };
  const additionalAuthenticatedData = wrapAssociatedData(topic, identity);
  const request = { name: keyName, plaintext: sample, additionalAuthenticatedData };
  const { ciphertext } = await call(context, 'encrypt', topic, use, (caller) =>
    context.keys.encrypt(request, caller),
  );
  const opened = { name: keyName, ciphertext, additionalAuthenticatedData };
  const { plaintext: returned } = await decrypt(context, topic, use, opened);
  if (!equalBytes(returned, sample)) throw commitmentMismatch(keyName, topic);
}

function commitmentFor(bytes: Uint8Array, topic: SealedTopic, dek: DekIdentity): Uint8Array {
  return commitmentOf(bytes, [topic.uid, String(dek.version), String(dek.suite)]);
}

function isCommitted(bytes: Uint8Array, topic: SealedTopic, row: DekRow): boolean {
  if (bytes.length !== keyBytes) return false;
  return equalBytes(commitmentFor(bytes, topic, row), row.commitment);
}

interface Use {
  readonly keyName: string;
  readonly reason: AccessReason;
}

/** An answer that comes after its deadline is wiped by nobody else. */
function wipeLate(late: { readonly plaintext: Uint8Array }): void {
  wipe(late.plaintext);
}

type DecryptCall = Parameters<DekContext['keys']['decrypt']>[0];

function decrypt(
  context: UnwrapPorts,
  topic: SealedTopic,
  use: Use,
  request: DecryptCall,
): Promise<DecryptResponse> {
  return call(
    context,
    'decrypt',
    topic,
    use,
    (caller) => context.keys.decrypt(request, caller),
    wipeLate,
  );
}

/** The default key is used as the service, unless the topic claims it by name as its own. */
async function memberFor(
  { keys }: UnwrapPorts,
  topic: SealedTopic,
  keyName: string,
): Promise<string> {
  const isOwn = keyName === keys.defaultKeyName && topic.kmsKeyName !== keyName;
  return isOwn ? serviceMember : await keys.pubsubServiceAgent(topic.name.split('/')[1] ?? '');
}

/** One observed call as `memberFor` says, with a deadline and translated errors. */
async function call<Answer>(
  context: UnwrapPorts,
  operation: 'encrypt' | 'decrypt',
  topic: SealedTopic,
  use: Use,
  run: (caller: KeyCaller) => Promise<Answer>,
  onLate: (answer: Answer) => void = () => undefined,
): Promise<Answer> {
  const startMs = context.clock.monotonicMs();
  const elapsedMs = (): number => context.clock.monotonicMs() - startMs;
  try {
    const ask = async (): Promise<Answer> => {
      const member = await memberFor(context, topic, use.keyName);
      return run({ member, reason: use.reason, resource: topic.name });
    };
    const answer = await withCallDeadline(context.clock, ask(), onLate);
    context.observer.kmsCall(operation, 'OK', elapsedMs());
    return answer;
  } catch (error) {
    context.observer.kmsCall(operation, RpcError.from(error).code, elapsedMs());
    throw refusalOf(error, use.keyName);
  }
}
