import type { AuditCaller } from '../../audit/index.ts';
import { wipe } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import { accountLimits, type AccountKey, type ApiKey, type ServiceAccount } from './account.ts';
import { type AccountContext, type NamedChange, recordedChange } from './account-context.ts';
import { makeApiKey } from './api-key-text.ts';
import { credentialsFile } from './credentials-file.ts';
import { makeKeyPair, readUploadedKey } from './key-pair.ts';

export interface CreatedKey {
  readonly key: AccountKey;
  /** A credentials file with the private key, which is kept nowhere; the caller wipes it. */
  readonly credentials: Uint8Array;
}

interface KeyChange extends NamedChange {
  /** Something that was let in may have to go. */
  readonly isRevocation?: boolean;
}

const keyIdBytes = 20;
const displayNameBytesMax = 100;

/** What accounts show who they are by: keys that sign for them, and API keys. */
export class AccountKeys {
  readonly #context: AccountContext;

  constructor(context: AccountContext) {
    this.#context = context;
  }

  /** @throws RpcError NOT_FOUND; RESOURCE_EXHAUSTED beyond ten keys */
  async create(
    account: ServiceAccount,
    tokenUri: string,
    caller: AuditCaller,
  ): Promise<CreatedKey> {
    const { publicKey, pkcs8 } = await makeKeyPair();
    try {
      const key = this.#newKey('GOOGLE_PROVIDED', { publicKey });
      await this.#add(account, key, 'CreateServiceAccountKey', caller);
      return { key, credentials: credentialsFile({ account, keyId: key.id, pkcs8, tokenUri }) };
    } finally {
      wipe(pkcs8);
    }
  }

  /** Of a certificate or public key in PEM. @throws RpcError INVALID_ARGUMENT, as `create` */
  async upload(account: ServiceAccount, pem: Uint8Array, caller: AuditCaller): Promise<AccountKey> {
    const key = this.#newKey('USER_PROVIDED', readUploadedKey(pem));
    await this.#add(account, key, 'UploadServiceAccountKey', caller);
    return key;
  }

  /** @throws RpcError NOT_FOUND */
  async setDisabled(
    account: ServiceAccount,
    id: string,
    isDisabled: boolean,
    caller: AuditCaller,
  ): Promise<void> {
    const method = `${isDisabled ? 'Disable' : 'Enable'}ServiceAccountKey`;
    const permission = `iam.serviceAccountKeys.${isDisabled ? 'disable' : 'enable'}`;
    const change = { method, permission, under: `keys/${id}`, isRevocation: isDisabled };
    await this.#change(account, change, caller, (now) => {
      requireKey(now, id);
      const keys = now.keys.map((key) => (key.id === id ? { ...key, isDisabled } : key));
      return { ...now, keys };
    });
  }

  /** @throws RpcError NOT_FOUND */
  async delete(account: ServiceAccount, id: string, caller: AuditCaller): Promise<void> {
    const method = 'DeleteServiceAccountKey';
    const permission = 'iam.serviceAccountKeys.delete';
    const change = { method, permission, under: `keys/${id}`, isRevocation: true };
    await this.#change(account, change, caller, (now) => {
      requireKey(now, id);
      return { ...now, keys: now.keys.filter((key) => key.id !== id) };
    });
  }

  /** The key's text is in the answer alone. @throws RpcError as `create`, beyond 100 keys */
  async createApiKey(
    account: ServiceAccount,
    displayName: string,
    caller: AuditCaller,
  ): Promise<{ readonly apiKey: ApiKey; readonly text: string }> {
    if (Buffer.byteLength(displayName) > displayNameBytesMax) {
      const text = 'display_name must have at most 100 bytes.';
      throw new RpcError('INVALID_ARGUMENT', 'ACCOUNT_INVALID', text);
    }
    const { clock, entropy, directory } = this.#context;
    const { id, text, hash } = makeApiKey(entropy);
    const apiKey = { id, hash, createdMs: clock.wallMs(), displayName };
    const method = 'CreateServiceAccountApiKey';
    const permission = 'iam.serviceAccountApiKeys.create';
    const change = { method, permission, under: `apiKeys/${id}` };
    await this.#change(account, change, caller, (now) => {
      if (now.apiKeys.length >= accountLimits.apiKeys || directory.byApiKey(id)) {
        throw tooManyKeys(accountLimits.apiKeys);
      }
      return { ...now, apiKeys: [...now.apiKeys, apiKey] };
    });
    return { apiKey, text };
  }

  /** @throws RpcError NOT_FOUND */
  async deleteApiKey(account: ServiceAccount, id: string, caller: AuditCaller): Promise<void> {
    const method = 'DeleteServiceAccountApiKey';
    const permission = 'iam.serviceAccountApiKeys.delete';
    const change = { method, permission, under: `apiKeys/${id}`, isRevocation: true };
    await this.#change(account, change, caller, (now) => {
      const apiKeys = now.apiKeys.filter((key) => key.id !== id);
      if (apiKeys.length === now.apiKeys.length) throw noSuchKey('API key', id);
      return { ...now, apiKeys };
    });
  }

  #newKey(
    origin: AccountKey['origin'],
    made: Pick<AccountKey, 'publicKey'> & {
      readonly validAfterMs?: number;
      readonly validBeforeMs?: number;
    },
  ): AccountKey {
    const { clock, entropy } = this.#context;
    return {
      id: drawKeyId(entropy),
      origin,
      publicKey: made.publicKey,
      validAfterMs: made.validAfterMs ?? Math.floor(clock.wallMs() / 1_000) * 1_000,
      validBeforeMs: made.validBeforeMs ?? null,
      isDisabled: false,
    };
  }

  async #add(
    account: ServiceAccount,
    key: AccountKey,
    method: string,
    caller: AuditCaller,
  ): Promise<void> {
    const verb = key.origin === 'USER_PROVIDED' ? 'upload' : 'create';
    const permission = `iam.serviceAccountKeys.${verb}`;
    await this.#change(account, { method, permission, under: `keys/${key.id}` }, caller, (now) => {
      if (now.keys.length >= accountLimits.keys) throw tooManyKeys(accountLimits.keys);
      return { ...now, keys: [...now.keys, key] };
    });
  }

  async #change(
    account: ServiceAccount,
    change: KeyChange,
    caller: AuditCaller,
    make: (now: ServiceAccount) => ServiceAccount,
  ): Promise<void> {
    const { directory, revoked } = this.#context;
    await recordedChange(this.#context, account, change, caller, async () => {
      await directory.change(account.uid, make);
      if (change.isRevocation === true) revoked();
    });
  }
}

/** @throws RpcError NOT_FOUND */
export function requireKey({ keys }: ServiceAccount, id: string): AccountKey {
  const key = keys.find((each) => each.id === id);
  if (key !== undefined) return key;
  throw noSuchKey('Service account key', id);
}

/** @throws RpcError NOT_FOUND */
export function requireApiKey({ apiKeys }: ServiceAccount, id: string): ApiKey {
  const key = apiKeys.find((each) => each.id === id);
  if (key !== undefined) return key;
  throw noSuchKey('API key', id);
}

function noSuchKey(what: string, id: string): RpcError {
  const text = `${what} ${id.slice(0, 100)} does not exist.`;
  return new RpcError('NOT_FOUND', 'ACCOUNT_KEY_NOT_FOUND', text);
}

function tooManyKeys(limit: number): RpcError {
  const text = `Maximum number of keys on account reached: ${limit}.`;
  return new RpcError('RESOURCE_EXHAUSTED', 'ACCOUNT_KEY_LIMIT', text);
}

function drawKeyId(entropy: Entropy): string {
  return Buffer.from(draw(entropy, keyIdBytes).buffer).toString('hex');
}
