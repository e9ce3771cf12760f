import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { associatedData, openRecord, sealRecord, suiteIds } from '../../src/crypto/index.ts';
import {
  type AccountStore,
  type Identity,
  openAccounts,
  openAuthenticator,
  type OpenedAuthenticator,
  openIdentity,
  type ServiceAccount,
} from '../../src/identity/index.ts';
import { createOutgoingClient, type OutgoingClient } from '../../src/outgoing/index.ts';
import { type Clock, type Logger, silentLogger } from '../../src/runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import { testSuites } from './embedded-kms.ts';
import { RecordingAudit } from './recording-audit.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

export const ownUrl = 'https://pubsub.example.com:8085';
export const caller = { principalEmail: 'admin@example.com' };

export interface AccessSettings {
  readonly issuers: readonly { readonly issuer: string; readonly jwksUri: string | null }[];
  readonly audiences: readonly string[];
  readonly isRequired: boolean;
  readonly outgoing: OutgoingClient;
  /** What those are told to who run the server. */
  readonly log: Logger;
}

export interface AccessBench {
  readonly clock: VirtualClock;
  readonly audit: RecordingAudit;
  readonly rows: KeyStore;
  readonly store: AccountStore;
  readonly identity: Identity;
  readonly authenticator: OpenedAuthenticator;
  /** One that has seen nothing yet: no token, and no failure. */
  readonly another: () => OpenedAuthenticator;
  /** Another over the same rows, as after a restart. */
  readonly reopen: () => Promise<AccountStore>;
}

/** Accounts in memory and who authenticates by them, on a clock that the test moves. */
export async function openAccessBench(given: Partial<AccessSettings> = {}): Promise<AccessBench> {
  const clock = new VirtualClock();
  const rows = openMemoryKeyStore({ clock });
  const audit = new RecordingAudit();
  const log = silentLogger;
  const storeKey = { deriveKey: (): Uint8Array => new Uint8Array(32).fill(7) };
  const key = testSuites.for(suiteIds.xchacha20Poly1305)!.importKey(new Uint8Array(32).fill(9));
  const entropy = new SeededEntropy(3);
  const reopen = (): Promise<AccountStore> =>
    openAccounts({ rows, key, entropy, audit, clock, log });
  const issuer = (): string => ownUrl;
  const rootKey = {
    wrapKey: (bytes: Uint8Array, purpose: string): Uint8Array =>
      sealRecord(key, associatedData([purpose]), bytes, entropy),
    unwrapKey: (wrapped: Uint8Array, purpose: string): Uint8Array =>
      openRecord(key, associatedData([purpose]), wrapped)!,
  };
  const identity = await openIdentity({ rows, rootKey, storeKey, clock, log, issuer });
  const store = await reopen();
  const authenticators = (): OpenedAuthenticator =>
    openAuthenticator({
      isRequired: true,
      store,
      accessTokens: identity.accessTokens,
      idTokens: identity.idTokens,
      issuers: [],
      audiences: [],
      ownUrls: () => [{ host: 'pubsub.example.com', port: 8085 }],
      outgoing: given.outgoing ?? localOutgoing(clock),
      skewSeconds: 60,
      clock,
      log,
      ...given,
    });
  const authenticator = authenticators();
  return { clock, audit, rows, store, identity, authenticator, another: authenticators, reopen };
}

/** Reaches servers of the test on this machine. */
export function localOutgoing(clock: Clock): OutgoingClient {
  return createOutgoingClient({
    policy: { isLoopbackOnly: true, allow: [], ownListeners: () => [] },
    clock,
    caFile: null,
  });
}

/** An account and the private half of a key of it. */
export interface HeldKey {
  readonly account: ServiceAccount;
  readonly email: string;
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** A new account `ID@project-1.iam.gserviceaccount.com` and a key for it. */
export async function makeAccount({ store }: AccessBench, id = 'tester'): Promise<HeldKey> {
  const given = { project: 'project-1', id, displayName: '', description: '' };
  const account = await store.accounts.create(given, caller);
  return await makeKey(store, account);
}

const pairs: { publicKey: KeyObject; privateKey: KeyObject }[] = [];
const pairsMax = 4;
let pairsUsed = 0;

/** One of a few pairs, in turn: to make each anew would take most of a test's time. */
function nextPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  const at = pairsUsed++ % pairsMax;
  return (pairs[at] ??= generateKeyPairSync('rsa', { modulusLength: 2_048 }));
}

/** A key whose public half is uploaded. */
export async function makeKey(store: AccountStore, account: ServiceAccount): Promise<HeldKey> {
  const { publicKey, privateKey } = nextPair();
  const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));
  const { id } = await store.keys.upload(account, pem, caller);
  const now = store.accounts.get('-', account.email);
  return { account: now, email: account.email, keyId: id, privateKey };
}

/** What a client reads of a credentials file. */
export function heldKey(account: ServiceAccount, credentials: Uint8Array): HeldKey {
  const file = JSON.parse(Buffer.from(credentials).toString()) as Record<string, string>;
  const privateKey = createPrivateKey(file['private_key']!);
  return { account, email: file['client_email']!, keyId: file['private_key_id']!, privateKey };
}

export const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Claims that an official client signs for itself. */
export function claimsOf({ email }: Pick<HeldKey, 'email'>, clock: Clock): Record<string, unknown> {
  const iat = Math.floor(clock.wallMs() / 1_000);
  return {
    iss: email,
    sub: email,
    aud: 'https://pubsub.googleapis.com/',
    iat,
    exp: iat + 3_600,
  };
}

/** A JWT signed by RSASSA-PKCS1-v1_5 with SHA-256, whatever header and claims say. */
export function signedToken(privateKey: KeyObject, header: unknown, claims: unknown): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}

/** As an official client signs it, with changed claims. */
export function selfSigned(
  held: HeldKey,
  clock: Clock,
  changed: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): string {
  const head = { alg: 'RS256', typ: 'JWT', kid: held.keyId, ...header };
  return signedToken(held.privateKey, head, { ...claimsOf(held, clock), ...changed });
}
