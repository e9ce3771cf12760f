import { argumentError, contentionError } from '../kms-error.ts';
import {
  etagOf,
  type IamPolicy,
  type NewIamPolicy,
  policyRecordOf,
  requireEtag,
} from './iam-policy.ts';
import { commitChange, type KmsContext, observed } from '../kms-context.ts';
import { parseKmsName } from '../names.ts';
import { type PolicyRecord, policyTable } from '../rows/records.ts';
import { refuseReserved } from '../reserved-project.ts';
import { type Row, rowWrite } from '../rows/sealed-rows.ts';
import { requireCryptoKey, requireKeyRing } from '../rows/stored-keys.ts';

const attemptsMax = 10;
const permissionPattern = /^[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)+$/;

/** IAM policies of key rings and keys. A ring's bindings hold for all keys of the ring. */
export class IamPolicies {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(resource: string): Promise<IamPolicy> {
    return observed(this.#context, 'GetIamPolicy', async () => {
      await this.#requireResource(resource, 'getIamPolicy');
      const row = await this.#context.rows.get(policyTable, resource);
      return row ? policyOf(row) : { version: 1, etag: etagOf(0), bindings: [] };
    });
  }

  /**
   * Replaces the bindings. Listeners hear of it before this resolves.
   *
   * @throws RpcError ABORTED if `policy.etag` is not the current one; NOT_FOUND, INVALID_ARGUMENT,
   * UNIMPLEMENTED
   */
  set(resource: string, policy: NewIamPolicy): Promise<IamPolicy> {
    return observed(this.#context, 'SetIamPolicy', async () => {
      await this.#requireResource(resource, 'setIamPolicy');
      const record = policyRecordOf(policy);
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const version = (await this.#context.rows.get(policyTable, resource))?.version ?? 0;
        if (policy.etag !== undefined) requireEtag(policy.etag, version);
        const write = rowWrite(policyTable, { id: resource, version }, record);
        const change = { resource, kind: 'iam' } as const;
        if (!(await commitChange(this.#context, [write], change))) continue;
        return policyOf({ id: resource, version: version + 1, record });
      }
      throw contentionError(resource);
    });
  }

  /**
   * Which of `permissions` the caller of the API has: all, because nobody is authenticated yet.
   *
   * @throws RpcError NOT_FOUND, INVALID_ARGUMENT for what is no permission's name, wildcards too
   */
  test(resource: string, permissions: readonly string[]): Promise<readonly string[]> {
    return observed(this.#context, 'TestIamPermissions', async () => {
      await this.#requireResource(resource, 'getIamPolicy');
      for (const permission of permissions) {
        if (permissionPattern.test(permission)) continue;
        const message = `Permission ${permission.slice(0, 128)} is not valid for this resource.`;
        throw argumentError('permissions', message);
      }
      return permissions;
    });
  }

  async #requireResource(resource: string, verb: string): Promise<void> {
    const name = parseKmsName(resource);
    if (name === null || name.kind === 'CryptoKeyVersion') {
      throw argumentError('resource', 'Request field resource must name a key ring or a key.');
    }
    const collection = name.kind === 'KeyRing' ? 'keyRings' : 'cryptoKeys';
    refuseReserved(name.project, `cloudkms.${collection}.${verb}`, resource);
    if (name.kind === 'KeyRing') await requireKeyRing(this.#context, resource);
    else await requireCryptoKey(this.#context, resource);
  }
}

function policyOf({ record, version }: Row<PolicyRecord>): IamPolicy {
  return { ...record, etag: etagOf(version) };
}
