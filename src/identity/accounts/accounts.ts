import type { AuditCaller } from '../../audit/index.ts';
import { isAgentProject } from '../../iam/index.ts';
import { accountEmail, parseAccountEmail, parseProjectName, RpcError } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import type { ServiceAccount } from './account.ts';
import { type AccountContext, recordedChange } from './account-context.ts';

export interface NewAccount {
  readonly project: string;
  readonly id: string;
  readonly displayName: string;
  readonly description: string;
}

/** What a caller may change of an account. */
export interface AccountTexts {
  readonly displayName?: string;
  readonly description?: string;
}

const idPattern = /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/;
const displayNameBytesMax = 100;
const descriptionBytesMax = 256;

/** Service accounts: what they are called, and whether they may do anything at all. */
export class Accounts {
  readonly #context: AccountContext;
  readonly #deletionListeners = new Set<(account: ServiceAccount) => void>();

  constructor(context: AccountContext) {
    this.#context = context;
  }

  /**
   * The account of an email or a unique id in a project; `-` stands for whichever it is in.
   *
   * @throws RpcError NOT_FOUND
   */
  get(project: string, emailOrUid: string): ServiceAccount {
    const { directory } = this.#context;
    const live = directory.byEmail(emailOrUid) ?? directory.byUid(emailOrUid);
    const account = live?.account;
    if (account !== undefined && (project === '-' || account.project === project)) return account;
    const name = `projects/${project}/serviceAccounts/${emailOrUid}`.slice(0, 300);
    const text = `Service account ${name} does not exist.`;
    throw new RpcError('NOT_FOUND', 'ACCOUNT_NOT_FOUND', text);
  }

  /** The unique id of the account that has an email now; undefined if there is none. */
  uidOf(email: string): string | undefined {
    return this.#context.directory.byEmail(email)?.account.uid;
  }

  /** Of one project, by email. */
  list(project: string): readonly ServiceAccount[] {
    return this.#context.directory.list(project);
  }

  /** `listener` is told of each account that was deleted, once that is durable. */
  onDeleted(listener: (account: ServiceAccount) => void): () => void {
    this.#deletionListeners.add(listener);
    return () => this.#deletionListeners.delete(listener);
  }

  /** @throws RpcError INVALID_ARGUMENT, ALREADY_EXISTS, RESOURCE_EXHAUSTED */
  async create(given: NewAccount, caller: AuditCaller): Promise<ServiceAccount> {
    checkNew(given);
    const { directory, clock, entropy } = this.#context;
    const { project, id, displayName, description } = given;
    const account: ServiceAccount = {
      email: accountEmail(id, project),
      project,
      uid: drawUid(entropy),
      displayName,
      description,
      isDisabled: false,
      createdMs: clock.wallMs(),
      keys: [],
      apiKeys: [],
    };
    const change = {
      method: 'CreateServiceAccount',
      permission: 'iam.serviceAccounts.create',
      request: { name: `projects/${project}`, accountId: id },
    };
    const create = async (): Promise<unknown> => directory.create(account);
    await recordedChange(this.#context, account, change, caller, create);
    return account;
  }

  /** @throws RpcError INVALID_ARGUMENT, NOT_FOUND */
  async update(
    account: ServiceAccount,
    texts: AccountTexts,
    caller: AuditCaller,
  ): Promise<ServiceAccount> {
    checkTexts(texts);
    const change = {
      method: 'PatchServiceAccount',
      permission: 'iam.serviceAccounts.update',
      request: { updateMask: Object.keys(texts).toSorted().join(',') },
    };
    return await recordedChange(this.#context, account, change, caller, () =>
      this.#context.directory.change(account.uid, (now) => ({ ...now, ...texts })),
    );
  }

  /** Of a disabled account, everything it was given is refused, until it is enabled again. */
  async setDisabled(
    account: ServiceAccount,
    isDisabled: boolean,
    caller: AuditCaller,
  ): Promise<void> {
    const change = {
      method: isDisabled ? 'DisableServiceAccount' : 'EnableServiceAccount',
      permission: `iam.serviceAccounts.${isDisabled ? 'disable' : 'enable'}`,
    };
    await recordedChange(this.#context, account, change, caller, async () => {
      await this.#context.directory.change(account.uid, (now) => ({ ...now, isDisabled }));
      if (isDisabled) this.#context.revoked();
    });
  }

  /** An account of the same email that is made later is another one, without what this one had. */
  async delete(account: ServiceAccount, caller: AuditCaller): Promise<void> {
    const change = { method: 'DeleteServiceAccount', permission: 'iam.serviceAccounts.delete' };
    await recordedChange(this.#context, account, change, caller, async () => {
      const deleted = await this.#context.directory.delete(account.uid);
      this.#context.revoked();
      for (const listener of this.#deletionListeners) listener(deleted);
    });
  }
}

function checkNew(given: NewAccount): void {
  const { project, id } = given;
  if (!idPattern.test(id)) {
    throw fieldError(
      'account_id',
      'account_id must have 6 to 30 characters: lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen.',
    );
  }
  // What cannot be read back from the email would be an account of another project there.
  const isProject = parseProjectName(`projects/${project}`) !== undefined;
  if (!isProject || parseAccountEmail(accountEmail(id, project))?.project !== project) {
    throw fieldError('name', 'name must be projects/PROJECT_ID, in lower case.');
  }
  if (isAgentProject(project)) {
    throw fieldError(
      'name',
      `name must not be projects/${project}: its accounts are service agents.`,
    );
  }
  checkTexts(given);
}

function checkTexts({ displayName = '', description = '' }: AccountTexts): void {
  if (Buffer.byteLength(displayName) > displayNameBytesMax) {
    throw fieldError('service_account.display_name', 'display_name must have at most 100 bytes.');
  }
  if (Buffer.byteLength(description) > descriptionBytesMax) {
    throw fieldError('service_account.description', 'description must have at most 256 bytes.');
  }
}

function fieldError(field: string, description: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', 'ACCOUNT_INVALID', description, {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field, description }],
      },
    ],
  });
}

/** 21 digits, as Google's unique ids: never the same again. */
function drawUid(entropy: Entropy): string {
  const bytes = draw(entropy, 16);
  const number = BigInt(`0x${Buffer.from(bytes.buffer).toString('hex')}`) % 10n ** 20n;
  return `1${number.toString().padStart(20, '0')}`;
}
