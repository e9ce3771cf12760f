import { RestWire, type Json } from './wire.ts';

/** A binding as an administrator reads and writes it. */
export interface LiveBinding {
  readonly role: string;
  readonly members: readonly string[];
  readonly condition?: Json;
}

interface LivePolicy {
  readonly etag: string;
  readonly version?: number;
  readonly bindings?: readonly LiveBinding[];
}

export const encrypterDecrypter = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

/** IAM policies over REST, read, changed and written back as `gcloud … add-iam-policy-binding` does. */
export class LivePolicies {
  readonly #rest: RestWire;

  constructor(url: () => string) {
    this.#rest = new RestWire(url);
  }

  /** Pub/Sub's service agent of `projects/P`. */
  async pubsubAgent(project: string): Promise<string> {
    return `serviceAccount:service-${await this.number(project)}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  }

  /** The number of `projects/P`. */
  async number(project: string): Promise<string> {
    const { projectNumber } = await this.#rest.send<{ projectNumber: string }>('GET', project);
    return projectNumber;
  }

  /** With conditions, as gcloud reads it; a project's by POST, as Cloud Resource Manager has it. */
  async get(resource: string): Promise<LivePolicy> {
    if (/^projects\/[^/]+$/.test(resource)) {
      const body = { options: { requestedPolicyVersion: 3 } };
      return await this.#rest.send<LivePolicy>('POST', `${resource}:getIamPolicy`, body);
    }
    const query = 'alt=json&options.requestedPolicyVersion=3';
    return await this.#rest.send<LivePolicy>('GET', `${resource}:getIamPolicy?${query}`);
  }

  async set(resource: string, policy: Json): Promise<LivePolicy> {
    return await this.#rest.send<LivePolicy>('POST', `${resource}:setIamPolicy`, { policy });
  }

  async add(resource: string, binding: LiveBinding): Promise<void> {
    const { etag, bindings = [] } = await this.get(resource);
    await this.set(resource, { version: 3, etag, bindings: [...bindings, binding] });
  }

  /** Lets the member encrypt and decrypt with all keys under the resource. */
  async grant(resource: string, member: string, condition?: Json): Promise<void> {
    const binding = { role: encrypterDecrypter, members: [member] };
    await this.add(resource, { ...binding, ...(condition && { condition }) });
  }

  /** Takes the member out of every binding of the role. */
  async revoke(resource: string, member: string): Promise<void> {
    const { etag, bindings = [] } = await this.get(resource);
    const left = bindings.map((binding) =>
      binding.role === encrypterDecrypter
        ? { ...binding, members: binding.members.filter((one) => one !== member) }
        : binding,
    );
    await this.set(resource, { version: 3, etag, bindings: left });
  }
}
