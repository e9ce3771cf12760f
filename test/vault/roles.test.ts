import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { KeyProcess } from '../support/key-process.ts';
import { LiveApi, textOf } from '../support/live-api.ts';
import { LiveServer } from '../support/live-server.ts';
import { canRunImages, needsImages } from '../support/live-vault.ts';
import { PageRegistry } from '../support/page-registry.ts';
import { RunClient } from '../support/run-client.ts';
import { RestWire } from '../support/wire.ts';

const project = 'far-away';
const service = `projects/${project}/locations/us-central1/services/hello`;
const why = canRunImages ? '' : ` ${needsImages}`;

class Client extends RunClient {
  readonly #url: () => string;

  constructor(url: () => string) {
    super();
    this.#url = url;
  }

  override get url(): string {
    return this.#url();
  }
}

/** Broker and vault in one process, their keys in another: checks every ten minutes see nothing. */
describe.skipIf(!canRunImages)('services and topics under keys of another process', () => {
  const registry = new PageRegistry();
  const kms = new KeyProcess();
  const keys = new Client(() => kms.url);
  let server: LiveServer;
  const vault = new Client(() => server.url);

  beforeAll(async () => {
    await Promise.all([registry.start(), kms.start()]);
    const mirror = `us-docker.pkg.dev=http://${registry.host}`;
    const remote = ['--roles', 'broker,vault', '--insecure', '--kms-endpoint', kms.url];
    const times = ['--vault-check-seconds', '600', '--vault-hour-ms', '1000'];
    server = new LiveServer([...remote, '--registry-mirror', mirror, ...times]);
    await server.start();
  }, 120_000);
  afterAll(async () => {
    await server.remove();
    await Promise.all([registry.stop(), kms.remove()]);
  });

  test(`a change there is pushed here: deployment, shutdown, return${why}`, async () => {
    const key = await keys.createKey(project, 'ring', 'images');
    await vault.deploy(project, 'hello', {
      'run.googleapis.com/encryption-key': key,
      'run.googleapis.com/post-key-revocation-action-type': 'shut-down',
    });
    expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
    const { url } = (await vault.service(project, 'hello')).status;
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hello' });

    await keys.setState(key, 'DISABLED');
    const refused = await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'False',
    );
    expect(refused.message).toBe(`User's CMEK key has been disabled. CMEK key: ${key}`);
    await vault.until(
      () => vault.visit(url),
      ({ status }) => status === 503,
    );
    await keys.setState(key, 'ENABLED');
    await vault.until(
      () => vault.visit(url),
      ({ status }) => status === 200,
    );
  });

  test(`a version that images here need is guarded there${why}`, async () => {
    const { body } = await vault.call('GET', `sealpost/v1/${await keyOf()}:use`);
    expect(body['versions']).toMatchObject([{ dekCount: 1, services: [service] }]);
    const destroy = `v1/${await keyOf()}/cryptoKeyVersions/1:destroy`;
    // What is needed is reported within seconds of its beginning.
    const refused = await vault.until(
      async () => {
        const answer = await keys.call('POST', destroy, {});
        if (answer.status === 200) await keys.restoreVersion(await keyOf());
        return answer;
      },
      ({ status }) => status !== 200,
    );
    expect(refused.body).toMatchObject({ error: { status: 'FAILED_PRECONDITION' } });
    expect(JSON.stringify(refused.body)).toContain('is in use: 1 data encryption key');
  });

  test(`topics are served beside services${why}`, async () => {
    const api = new LiveApi(new RestWire(() => server.url), `projects/${project}`);
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'one espresso');
    const pulled = await api.pull(subscription, 1);
    expect(pulled.map(textOf)).toEqual(['one espresso']);
  });

  async function keyOf(): Promise<string> {
    const { spec } = await vault.service(project, 'hello');
    return spec.template.metadata.annotations['run.googleapis.com/encryption-key']!;
  }
});
