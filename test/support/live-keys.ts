import { RestWire, type Json } from './wire.ts';

/** A key of Cloud KMS and its one version. */
export interface LiveKey {
  readonly name: string;
  readonly version: string;
}

const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

/** Cloud KMS over REST, as an administrator uses it. */
export class LiveKeys {
  readonly #rest: RestWire;
  #serial = 0;

  constructor(url: () => string) {
    this.#rest = new RestWire(url);
  }

  /** A key in a new ring of the project, which nobody may use yet. */
  async create(project: string): Promise<LiveKey> {
    const location = `${project}/locations/global`;
    const ringId = `ring-${String(++this.#serial)}`;
    await this.#rest.send('POST', `${location}/keyRings?keyRingId=${ringId}`, {});
    const ring = `${location}/keyRings/${ringId}`;
    const body = { purpose: 'ENCRYPT_DECRYPT' };
    const key = await this.#rest.send<{ name: string; primary: { name: string } }>(
      'POST',
      `${ring}/cryptoKeys?cryptoKeyId=key`,
      body,
    );
    return { name: key.name, version: key.primary.name };
  }

  /** Lets Pub/Sub's service agent of a project use the key; nobody else may. */
  async grant(key: LiveKey, project: string): Promise<void> {
    const { projectNumber } = await this.#rest.send<{ projectNumber: string }>('GET', project);
    const member = `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
    await this.#setPolicy(key, { bindings: [{ role, members: [member] }] });
  }

  async revoke(key: LiveKey): Promise<void> {
    await this.#setPolicy(key, { bindings: [] });
  }

  /** A key that Pub/Sub may use for the project's topics. */
  async createGranted(project: string): Promise<LiveKey> {
    const key = await this.create(project);
    await this.grant(key, project);
    return key;
  }

  async setState(key: LiveKey, state: 'ENABLED' | 'DISABLED'): Promise<void> {
    await this.#rest.send('PATCH', `${key.version}?updateMask=state`, { state });
  }

  async #setPolicy(key: LiveKey, policy: Json): Promise<void> {
    await this.#rest.send('POST', `${key.name}:setIamPolicy`, { policy });
  }
}
