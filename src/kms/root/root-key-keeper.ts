import type { AuditCaller, AuditWriter } from '../../audit/index.ts';
import { wipe } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Failpoints } from '../../runtime/index.ts';
import { type KeyRewrapOptions, requireNoneLeft, rewrapKeys } from './key-rewrap.ts';
import { drawRootKey } from './open-root-key.ts';
import { removePrevious, writePrevious } from './previous-root-key.ts';
import { draftSeal, removeDraft, switchSeal } from './seal-switch.ts';
import { auditEntryOf } from './root-key-audit.ts';
import { resealSecrets } from './reseal-secrets.ts';
import { RootKeyError } from './root-key-error.ts';
import type { PlainRootKey } from './root-key-file.ts';
import { type RootKeyStatus, rootKeyStatusAt } from './root-key-status.ts';
import type { SealSource } from './seals/seal-record.ts';
import type { SealerPorts, SealSecrets } from './seals/seal-secrets.ts';

export interface ResealRequest {
  /** Absent: the source that it has. */
  readonly to?: SealSource;
  /** Draws a new root key, and wraps every stored key by it. */
  readonly isNewKey: boolean;
  /** Secrets of the new seal, where they are not those of the start. */
  readonly secrets: Pick<SealSecrets, 'passphraseFile' | 'wrappingKeyFile' | 'pkcs11'>;
}

export interface RootKeyKeeperOptions extends KeyRewrapOptions, SealerPorts {
  readonly path: string;
  /** Those of the start. */
  readonly secrets: SealSecrets;
  readonly failpoints: Failpoints;
  readonly audit: AuditWriter;
  /** How long calls may be under way that wrapped by a key before it was replaced; 0: there are none. */
  readonly settleMs: number;
}

/** Seals the root key anew, and replaces it, while it is in use. */
export class RootKeyKeeper {
  readonly #options: RootKeyKeeperOptions;
  #isBusy = false;

  constructor(options: RootKeyKeeperOptions) {
    this.#options = options;
  }

  /** @throws RpcError DATA_LOSS if the seal on disk is damaged */
  status(): RootKeyStatus {
    const { path, rootKey } = this.#options;
    const { id, previousId } = rootKey;
    return { ...told(() => rootKeyStatusAt(path)), id, previousId };
  }

  /**
   * Seals the root key by another source or secret. The new seal is written beside the old one,
   * opened, and renamed over it: whenever the process ends, exactly one is in force, and it opens
   * everything. A new key wraps all stored keys before this resolves; until then both are known.
   *
   * @throws RpcError FAILED_PRECONDITION for a missing or weak secret, an absent token, or a seal on
   * disk that is of another key than the one in use, with nothing changed; ABORTED while another runs
   */
  reseal(request: ResealRequest, caller: AuditCaller): Promise<RootKeyStatus> {
    return this.#alone(async () => {
      await this.#finish();
      const to = request.to ?? this.status().source;
      try {
        if (request.isNewKey) await this.#replace(to, request, caller);
        else await this.#sealAgain(to, request, caller);
      } catch (error) {
        const failure = rpcErrorOf(error);
        await this.#record(to, request, caller, failure);
        throw failure;
      }
      this.#options.log.info({ source: to, isNewKey: request.isNewKey }, 'root key sealed anew');
      return this.status();
    });
  }

  /** Ends what a new root key left undone when the process ended; call it at each start. */
  finish(): Promise<void> {
    return this.#alone(() => this.#finish());
  }

  async #sealAgain(to: SealSource, request: ResealRequest, caller: AuditCaller): Promise<void> {
    await this.#options.rootKey.lend((key) => draftSeal(to, key, this.#draft(to, request)));
    await this.#record(to, request, caller);
    switchSeal(this.#options);
  }

  async #replace(to: SealSource, request: ResealRequest, caller: AuditCaller): Promise<void> {
    const { rootKey, entropy, failpoints, path } = this.#options;
    const next = drawRootKey(entropy);
    try {
      await draftSeal(to, next, this.#draft(to, request));
      await rootKey.lend(async (key) => writePrevious(path, key, next, this.#options));
      failpoints('afterPreviousRootKeyWritten');
      await this.#record(to, request, caller);
      this.#switchTo(next);
    } finally {
      wipe(next.bytes);
    }
    await this.#rewrap();
  }

  /** In one turn: nothing is wrapped by a key that is not the one on disk, or the one before it. */
  #switchTo(next: PlainRootKey): void {
    switchSeal(this.#options);
    this.#options.rootKey.adopt(next);
  }

  async #finish(): Promise<void> {
    this.#requireInForce();
    if (this.#options.rootKey.previousId !== null) await this.#rewrap();
    else removeLeftovers(this.#options.path);
  }

  /**
   * A switch may fail after its rename. The key in use is then found by the previous-key file alone,
   * which must stay, and must not be replaced, until a start has opened both.
   */
  #requireInForce(): void {
    const { path, rootKey } = this.#options;
    if (told(() => rootKeyStatusAt(path)).id === rootKey.id) return;
    const text =
      'The seal on disk is of another root key than the one in use: restart the server first.';
    throw new RpcError('FAILED_PRECONDITION', 'ROOT_KEY_SEAL', text);
  }

  async #rewrap(): Promise<void> {
    const { rootKey, keyStore, path, failpoints } = this.#options;
    await rewrapKeys(this.#options);
    await this.#settled();
    await rewrapKeys(this.#options);
    await requireNoneLeft(keyStore, rootKey.previousId!);
    failpoints('afterRootKeyRewrap');
    // Freed pages still hold what the old key wrapped, and it is the same row key and store key.
    await keyStore.compact();
    removePrevious(path);
    failpoints('afterPreviousRootKeyRemoved');
    rootKey.forgetPrevious();
  }

  /** What was wrapped by the old key in the moment of the switch has reached its row by then. */
  async #settled(): Promise<void> {
    const { clock, settleMs } = this.#options;
    if (settleMs === 0) return;
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonicMs() + settleMs, resolve);
    });
  }

  #draft(to: SealSource, { secrets }: ResealRequest): Parameters<typeof draftSeal>[2] {
    return { ...this.#options, secrets: resealSecrets(to, secrets, this.#options.secrets) };
  }

  async #record(
    to: SealSource,
    { isNewKey }: ResealRequest,
    caller: AuditCaller,
    failure?: RpcError,
  ): Promise<void> {
    const { audit, rootKey } = this.#options;
    const change = { rootKeyId: rootKey.id, from: this.status().source, to, isNewKey };
    await audit.append(auditEntryOf(change, caller, failure));
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) {
      throw new RpcError('ABORTED', 'ROOT_KEY_BUSY', 'The root key is being sealed anew already.');
    }
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }
}

/** Of a change that did not come to its switch. */
function removeLeftovers(path: string): void {
  removeDraft(path);
  removePrevious(path);
}

function told<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw rpcErrorOf(error, 'DATA_LOSS');
  }
}

function rpcErrorOf(error: unknown, code: RpcError['code'] = 'FAILED_PRECONDITION'): RpcError {
  if (!(error instanceof RootKeyError)) return RpcError.from(error);
  return new RpcError(code, 'ROOT_KEY_SEAL', `${error.message}.`, { cause: error });
}
