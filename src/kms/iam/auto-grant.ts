import { RpcError } from '../../rpc/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { KeyCaller } from '../key-service.ts';
import { type KmsName, parseKmsName } from '../names.ts';
import { reservedProject } from '../reserved-project.ts';
import type { KeyedResource } from './cmek-policy.ts';
import { serviceMember } from './key-access.ts';

/** What of the key service an automatic grant needs. */
export interface GrantingKeys {
  pubsubServiceAgent(projectId: string): Promise<string>;
  /** See grantKeyUse of audited-policies. */
  grantKeyUse(
    key: KmsName & { readonly cryptoKey: string },
    member: string,
    caller: KeyCaller,
  ): Promise<boolean>;
}

const attemptsMax = 10;

/**
 * Gives Pub/Sub's service agent of a topic's project the role that it lacks on the topic's key, as
 * an administrator would have to. For development alone: whoever may create a topic may then use
 * any key through it.
 */
export class AutoGrant {
  readonly #keys: GrantingKeys;
  readonly #log: Logger;

  constructor(keys: GrantingKeys, log: Logger) {
    this.#keys = keys;
    this.#log = log;
  }

  /** A key that does not exist, and the service's own, are left to those who try to use them. */
  async prepare({ name, kmsKeyName = '' }: KeyedResource): Promise<void> {
    const key = parseKmsName(kmsKeyName);
    if (key?.kind !== 'CryptoKey' || key.project === reservedProject) return;
    const agent = await this.#keys.pubsubServiceAgent(name.split('/')[1] ?? '');
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (await this.#isDone({ ...key, cryptoKey: kmsKeyName }, agent, name)) return;
    }
  }

  /** False if others changed the policy in between. */
  async #isDone(
    key: KmsName & { readonly cryptoKey: string },
    agent: string,
    resource: string,
  ): Promise<boolean> {
    const reason = 'GOOGLE_INITIATED_SYSTEM_OPERATION';
    const own: KeyCaller = { member: serviceMember, reason, resource, purpose: 'auto-grant' };
    try {
      if (!(await this.#keys.grantKeyUse(key, agent, own))) return true;
      const fields = { key: key.cryptoKey, agent, resource };
      this.#log.info(fields, 'a role on a key was granted automatically');
      return true;
    } catch (error) {
      const { code } = RpcError.from(error);
      if (code !== 'NOT_FOUND' && code !== 'ABORTED') throw error;
      return code === 'NOT_FOUND';
    }
  }
}
