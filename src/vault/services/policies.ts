import { RpcError } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import type { RunPolicy } from './run-service.ts';
import type { ServiceName } from './service.ts';
import { absent, checkOf, putOf, rowKeys, type ServiceRows } from './service-rows.ts';
import type { ServiceChanges } from './service-changes.ts';

/** Of a policy that was never set; the one that Google's services show. */
const emptyPolicy: RunPolicy = { version: 1, bindings: [], etag: 'ACAB' };

const membersMax = 1_500;

/** IAM policies of services: kept and shown. */
export class Policies {
  readonly #rows: ServiceRows;
  readonly #services: Pick<ServiceChanges, 'existing'>;
  readonly #entropy: Entropy;

  constructor(rows: ServiceRows, services: Pick<ServiceChanges, 'existing'>, entropy: Entropy) {
    this.#rows = rows;
    this.#services = services;
    this.#entropy = entropy;
  }

  async get(name: ServiceName): Promise<RunPolicy> {
    await this.#services.existing(name);
    return (await this.#rows.policy(name))?.value ?? emptyPolicy;
  }

  /** @throws RpcError ABORTED if the policy was changed since its etag was read */
  set(name: ServiceName, policy: RunPolicy): Promise<RunPolicy> {
    const members = policy.bindings.reduce((sum, binding) => sum + binding.members.length, 0);
    if (members > membersMax) {
      const text = `policy.bindings: At most ${membersMax} members.`;
      throw new RpcError('INVALID_ARGUMENT', 'INVALID_ARGUMENT', text);
    }
    return this.#rows.change(async () => {
      const service = await this.#services.existing(name);
      const row = await this.#rows.policy(name);
      checkEtag(policy, row?.value ?? emptyPolicy);
      const etag = Buffer.from(draw(this.#entropy, 9)).toString('base64');
      const result: RunPolicy = { ...policy, version: 1, etag };
      const key = rowKeys.policy(name);
      const checks = [checkOf(service), row === null ? absent(key) : checkOf(row)];
      return { change: { checks, puts: [putOf(key, result)] }, result };
    });
  }
}

function checkEtag({ etag }: RunPolicy, current: RunPolicy): void {
  if (etag === '' || etag === current.etag) return;
  throw new RpcError(
    'ABORTED',
    'ETAG_MISMATCH',
    'There were concurrent policy changes. Please retry the whole read-modify-write with ' +
      'exponential backoff.',
  );
}
