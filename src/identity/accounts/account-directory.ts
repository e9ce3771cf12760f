import { RpcError } from '../../rpc/index.ts';
import { type Logger, Serial } from '../../runtime/index.ts';
import { accountLimits, type ServiceAccount } from './account.ts';
import type { AccountRows, StoredAccount } from './account-rows.ts';

/** One account as long as it lives: what was issued to it holds this, and sees each change. */
export class LiveAccount {
  #stored: StoredAccount;
  #isDeleted = false;

  constructor(stored: StoredAccount) {
    this.#stored = stored;
  }

  get account(): ServiceAccount {
    return this.#stored.account;
  }

  get version(): number {
    return this.#stored.version;
  }

  get isEnabled(): boolean {
    return !this.#isDeleted && !this.#stored.account.isDisabled;
  }

  update(stored: StoredAccount): void {
    this.#stored = stored;
  }

  end(): void {
    this.#isDeleted = true;
  }
}

/**
 * All accounts, in memory: a question about one waits for nothing. A change is durable before it
 * shows here, and one follows the other.
 */
export class AccountDirectory {
  readonly #rows: AccountRows;
  readonly #turns = new Serial();
  readonly #byEmail = new Map<string, LiveAccount>();
  readonly #byUid = new Map<string, LiveAccount>();
  readonly #byApiKey = new Map<string, LiveAccount>();
  readonly #counts = new Map<string, number>();

  constructor(rows: AccountRows) {
    this.#rows = rows;
  }

  /** Reads every row. One that does not open is left out: nobody is authenticated by it. */
  async load(log: Logger): Promise<void> {
    for await (const { key, stored } of this.#rows.each()) {
      if (stored !== null) this.#add(new LiveAccount(stored));
      else log.error({ row: key }, 'a stored account does not open: it was changed');
    }
  }

  byEmail(email: string): LiveAccount | undefined {
    return this.#byEmail.get(email);
  }

  byUid(uid: string): LiveAccount | undefined {
    return this.#byUid.get(uid);
  }

  byApiKey(id: string): LiveAccount | undefined {
    return this.#byApiKey.get(id);
  }

  /** Of one project, by email. */
  list(project: string): ServiceAccount[] {
    const accounts = [...this.#byEmail.values()].map(({ account }) => account);
    return accounts
      .filter((account) => account.project === project)
      .toSorted((a, b) => (a.email < b.email ? -1 : 1));
  }

  /** @throws RpcError ALREADY_EXISTS, RESOURCE_EXHAUSTED */
  async create(account: ServiceAccount): Promise<LiveAccount> {
    return await this.#turns.run(async () => {
      const { email, project } = account;
      if (this.#byEmail.has(email)) throw existsError(account);
      if ((this.#counts.get(project) ?? 0) >= accountLimits.perProject) throw fullError(project);
      if (this.#byEmail.size >= accountLimits.accounts) throw fullError(project);
      if (!(await this.#rows.write(email, 0, account))) throw existsError(account);
      const live = new LiveAccount({ account, version: 1 });
      this.#add(live);
      return live;
    });
  }

  /**
   * Changes the account of `uid`. `change` sees it as it is then, and may refuse.
   *
   * @throws RpcError NOT_FOUND if it is gone
   */
  async change(
    uid: string,
    change: (account: ServiceAccount) => ServiceAccount,
  ): Promise<ServiceAccount> {
    return await this.#turns.run(async () => {
      const live = this.#require(uid);
      const account = change(live.account);
      const version = await this.#write(live, account);
      for (const { id } of live.account.apiKeys) this.#byApiKey.delete(id);
      live.update({ account, version });
      for (const { id } of account.apiKeys) this.#byApiKey.set(id, live);
      return account;
    });
  }

  /** @throws RpcError NOT_FOUND if it is gone */
  async delete(uid: string): Promise<ServiceAccount> {
    return await this.#turns.run(async () => {
      const live = this.#require(uid);
      await this.#write(live, null);
      this.#remove(live);
      return live.account;
    });
  }

  /** The row's new version. After a failure memory is what the disk has, if that can be read. */
  async #write(live: LiveAccount, account: ServiceAccount | null): Promise<number> {
    const { email } = live.account;
    const isWritten = await this.#rows
      .write(email, live.version, account)
      .catch(async (error: unknown) => {
        await this.#refresh(live).catch(() => undefined);
        throw error;
      });
    if (isWritten) return live.version + 1;
    await this.#refresh(live);
    const text = 'There were concurrent changes of the service account. Please retry.';
    throw new RpcError('ABORTED', 'ACCOUNT_CONCURRENT_CHANGE', text);
  }

  async #refresh(live: LiveAccount): Promise<void> {
    const stored = await this.#rows.get(live.account.email);
    this.#remove(live);
    if (stored?.account.uid !== live.account.uid) return;
    this.#add(new LiveAccount(stored));
  }

  #require(uid: string): LiveAccount {
    const live = this.#byUid.get(uid);
    if (live === undefined) {
      throw new RpcError('NOT_FOUND', 'ACCOUNT_NOT_FOUND', 'Unknown service account');
    }
    return live;
  }

  #add(live: LiveAccount): void {
    const { email, uid, project, apiKeys } = live.account;
    this.#byEmail.set(email, live);
    this.#byUid.set(uid, live);
    for (const { id } of apiKeys) this.#byApiKey.set(id, live);
    this.#counts.set(project, (this.#counts.get(project) ?? 0) + 1);
  }

  #remove(live: LiveAccount): void {
    const { email, uid, project, apiKeys } = live.account;
    live.end();
    this.#byEmail.delete(email);
    this.#byUid.delete(uid);
    for (const { id } of apiKeys) this.#byApiKey.delete(id);
    const count = (this.#counts.get(project) ?? 1) - 1;
    if (count > 0) this.#counts.set(project, count);
    else this.#counts.delete(project);
  }
}

function existsError({ email, project }: ServiceAccount): RpcError {
  const id = email.slice(0, email.indexOf('@'));
  const text = `Service account ${id} already exists within project projects/${project}.`;
  return new RpcError('ALREADY_EXISTS', 'ACCOUNT_ALREADY_EXISTS', text);
}

function fullError(project: string): RpcError {
  const text = `Maximum number of service accounts on project projects/${project} reached.`;
  return new RpcError('RESOURCE_EXHAUSTED', 'ACCOUNT_LIMIT', text);
}
