import { afterAll, beforeAll } from 'vitest';

import { EkmServer } from './ekm-server/ekm-server.ts';
import { LiveKeys, type LiveKey } from './live-keys.ts';
import { LiveServer } from './live-server.ts';
import { hasOpenssl, makeTestCertificates } from './test-certificates.ts';
import { RestWire } from './wire.ts';

/** A server of ours beside an external key manager, for all tests of a describe. */
export interface ExternalKeysBench {
  readonly live: LiveServer;
  readonly ekm: EkmServer;
  readonly keys: LiveExternalKeys;
  readonly rest: RestWire;
}

/** Cloud KMS over REST, as the administrator of EXTERNAL keys uses it. */
export class LiveExternalKeys extends LiveKeys {
  readonly #rest: RestWire;
  readonly #ekm: EkmServer;
  #serial = 0;

  constructor(rest: RestWire, url: () => string, ekm: EkmServer) {
    super(url);
    this.#rest = rest;
    this.#ekm = ekm;
  }

  /** An EXTERNAL key with one version, which Pub/Sub may use for the project's topics. */
  async createExternal(project: string): Promise<LiveKey & { readonly path: string }> {
    const location = `${project}/locations/global`;
    const id = `external-${++this.#serial}`;
    await this.#rest.send('POST', `${location}/keyRings?keyRingId=${id}`, {});
    const { name } = await this.#rest.send<{ name: string }>(
      'POST',
      `${location}/keyRings/${id}/cryptoKeys?cryptoKeyId=key&skipInitialVersionCreation=true`,
      { purpose: 'ENCRYPT_DECRYPT', versionTemplate: { protectionLevel: 'EXTERNAL' } },
    );
    const path = `v0/${id}`;
    const version = await this.addVersion(name, path);
    const key = { name, version, path };
    await this.grant(key, project);
    return key;
  }

  /** The next version, primary at once; its key is made at the external key manager. */
  async addVersion(key: string, path: string): Promise<string> {
    const externalKeyUri = this.#ekm.createKey(path);
    const { name } = await this.#rest.send<{ name: string }>('POST', `${key}/cryptoKeyVersions`, {
      externalProtectionLevelOptions: { externalKeyUri },
    });
    const cryptoKeyVersionId = name.slice(name.lastIndexOf('/') + 1);
    await this.#rest.send('POST', `${key}:updatePrimaryVersion`, { cryptoKeyVersionId });
    return name;
  }

  async stateOf({ version }: LiveKey): Promise<string> {
    return (await this.#rest.send<{ state: string }>('GET', version)).state;
  }
}

/** Both servers start before the tests of the calling describe; needs `hasOpenssl`. */
export function useExternalKeys(more: readonly string[] = []): ExternalKeysBench {
  const certificates = hasOpenssl ? makeTestCertificates() : { caFile: '', key: '', cert: '' };
  const ekmArguments = ['--ekm-host', '127.0.0.1', '--ekm-ca', certificates.caFile];
  const live = new LiveServer([...ekmArguments, ...more]);
  const ekm = new EkmServer({ certificates, issuer: () => live.url });
  const rest = new RestWire(() => live.url);
  beforeAll(async () => {
    if (!hasOpenssl) return;
    await ekm.start();
    await live.start();
  });
  afterAll(async () => {
    await live.remove();
    await ekm.stop();
  });
  return { live, ekm, rest, keys: new LiveExternalKeys(rest, () => live.url, ekm) };
}
