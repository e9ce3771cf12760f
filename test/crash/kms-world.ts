import { setTimeout as delay } from 'node:timers/promises';
import type { RestClient } from './rest-client.ts';

export const hourMs = 3_600_000;
export const dayMs: number = 24 * hourMs;
export const location = 'projects/crash/locations/global';
export const ring: string = `${location}/keyRings/ring`;
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

export interface Version {
  readonly name: string;
  readonly state: string;
  readonly destroyTime?: string;
  readonly destroyEventTime?: string;
}

export interface Key {
  readonly name: string;
  readonly primary?: Version;
  readonly nextRotationTime?: string;
}

/** The part of the server that now lives, and how to make its time pass. */
export interface LivingServer {
  readonly rest: RestClient;
  jump(ms: number): Promise<void>;
  wallMs(): number;
}

/**
 * What a directory's servers were asked for and answered, over all their lives: keys by name, and
 * how often each change must stand in the audit log.
 */
export class KmsWorld {
  readonly violations: string[] = [];
  /** `LOG METHOD RESOURCE` → entries. */
  readonly entries: Map<string, number> = new Map();
  /** The unique id of the service account that was made first; empty before. */
  accountId: string = '';
  /** Versions that were seen DESTROYED. */
  readonly destroyed: Set<string> = new Set();
  /** Scheduled for destruction, one after the other; ms since the Unix epoch. */
  readonly doomed: Map<string, number> = new Map();
  #serial = 0;
  #server: LivingServer | null = null;

  /** The server of this life. */
  get server(): LivingServer {
    if (this.#server === null) throw new Error('no server lives');
    return this.#server;
  }

  set server(server: LivingServer) {
    this.#server = server;
  }

  get rest(): RestClient {
    return this.server.rest;
  }

  violate(what: string): void {
    this.violations.push(what);
  }

  newId(): string {
    return `k${++this.#serial}`;
  }

  /** An administrative change: answered, it is in the audit log once. */
  async change<Reply>(
    [method, resource]: readonly [method: string, resource: string],
    [verb, path, body]: readonly [verb: string, path: string, body?: unknown],
  ): Promise<Reply> {
    const reply = await this.rest.call<Reply>(verb, `/v1/${path}`, body ?? {});
    this.expectEntry('activity', method, resource);
    return reply;
  }

  expectEntry(log: 'activity' | 'system_event', method: string, resource: string): void {
    const entry = `${log} ${method} ${resource}`;
    this.entries.set(entry, (this.entries.get(entry) ?? 0) + 1);
  }

  async createKey(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const id = this.newId();
    const name = `${ring}/cryptoKeys/${id}`;
    await this.createKeyNamed(id, more);
    return name;
  }

  async createKeyNamed(id: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const body = { purpose: 'ENCRYPT_DECRYPT', ...more };
    const name = `${ring}/cryptoKeys/${id}`;
    await this.change(
      ['CreateCryptoKey', name],
      ['POST', `${ring}/cryptoKeys?cryptoKeyId=${id}`, body],
    );
  }

  async addVersion(key: string): Promise<void> {
    const made = ['POST', `${key}/cryptoKeyVersions`] as const;
    await this.change(['CreateCryptoKeyVersion', key], made);
  }

  async setPrimary(key: string, cryptoKeyVersionId: string): Promise<void> {
    const path = `${key}:updatePrimaryVersion`;
    const call = ['POST', path, { cryptoKeyVersionId }] as const;
    await this.change(['UpdateCryptoKeyPrimaryVersion', key], call);
  }

  async setState(version: string, state: 'ENABLED' | 'DISABLED'): Promise<void> {
    const call = ['PATCH', `${version}?updateMask=state`, { state }] as const;
    await this.change(['UpdateCryptoKeyVersion', version], call);
  }

  async destroy(version: string): Promise<Version> {
    return await this.change(['DestroyCryptoKeyVersion', version], ['POST', `${version}:destroy`]);
  }

  async restore(version: string): Promise<void> {
    await this.change(['RestoreCryptoKeyVersion', version], ['POST', `${version}:restore`]);
  }

  /** Pub/Sub's agent of the project may use the key. */
  async grant(key: string): Promise<void> {
    const project = await this.rest.call<{ projectNumber: string }>('GET', '/v1/projects/crash');
    const member = `serviceAccount:service-${project.projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
    const policy = { bindings: [{ role, members: [member] }] };
    await this.change(['SetIamPolicy', key], ['POST', `${key}:setIamPolicy`, { policy }]);
  }

  async get<Reply>(path: string): Promise<Reply> {
    return await this.rest.call<Reply>('GET', `/v1/${path}`);
  }

  async versions(key: string): Promise<readonly Version[]> {
    const path = `${key}/cryptoKeyVersions?pageSize=1000`;
    const { cryptoKeyVersions = [] } = await this.get<{ cryptoKeyVersions?: Version[] }>(path);
    return cryptoKeyVersions;
  }

  async encrypt(name: string): Promise<string> {
    const body = { plaintext: Buffer.from(name).toString('base64') };
    const reply = await this.rest.call<{ ciphertext: string }>('POST', `/v1/${name}:encrypt`, body);
    return reply.ciphertext;
  }

  async decrypt(key: string, ciphertext: string): Promise<string> {
    const reply = await this.rest.call<{ plaintext: string }>('POST', `/v1/${key}:decrypt`, {
      ciphertext,
    });
    return Buffer.from(reply.plaintext, 'base64').toString();
  }

  /** Until `isDone`; a violation, and false, if that does not come. */
  async until(what: string, isDone: () => Promise<boolean>): Promise<boolean> {
    for (let attempt = 0; attempt < 3_000; attempt++) {
      if (await isDone()) return true;
      await delay(10);
    }
    this.violate(`${what} does not come about`);
    return false;
  }
}
