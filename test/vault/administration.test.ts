import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { canRunImages, needsImages, useLiveVault, type Answer } from '../support/live-vault.ts';

/** What an operator of the vault does, over REST: images, files, keys, imports, upkeep. */
const vault = useLiveVault(['--vault-hour-ms', '3600000', '--vault-idle-seconds', '600']);
const why = canRunImages ? '' : ` ${needsImages}`;

const annotation = 'run.googleapis.com/encryption-key';
const root = 'sealpost/v1/vault';
const registry = 'us-docker.pkg.dev/cloudrun/container';

interface ImageView {
  readonly service: string;
  readonly key: string;
  readonly digest: string;
  readonly layers: readonly {
    readonly diffId: string;
    readonly object: string;
    readonly references: number;
  }[];
}

interface Report {
  readonly state: string;
  readonly parts: readonly Record<string, unknown>[];
  readonly findings: readonly Record<string, unknown>[];
}

const serviceOf = (project: string): string =>
  `projects/${project}/locations/us-central1/services/hello`;

async function deployed(project: string): Promise<string> {
  const key = await vault.createKey(project, 'ring', 'images');
  await vault.deploy(project, 'hello', { [annotation]: key });
  expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
  return key;
}

async function imagesOf(project: string): Promise<ImageView[]> {
  const { body } = await vault.call('GET', `${root}/images`);
  const images = body['images'] as ImageView[];
  return images.filter(({ service }) => service === serviceOf(project));
}

function files(project: string, digest: string): Promise<Answer> {
  const query = new URLSearchParams({ digest }).toString();
  return vault.call('GET', `${root}/${serviceOf(project)}/files?${query}`);
}

const objectsFolder = (): string => join(vault.server.dataDir, 'vault', 'objects');

/** The digest of each object's file on disk, by its path. */
function objects(): Map<string, string> {
  const paths = globSync(join(objectsFolder(), '**', '*')).filter((path) =>
    statSync(path).isFile(),
  );
  return new Map(
    paths.map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]),
  );
}

const pathOf = (name: string): string => join(objectsFolder(), name.slice(0, 2), name);

async function imported(project: string, image: string): Promise<Record<string, unknown>> {
  const started = await vault.call('POST', `${root}:import`, {
    service: serviceOf(project),
    image,
  });
  expect(started.body).toMatchObject({ state: 'running', reference: image });
  const { id } = started.body;
  return vault.until(
    async () => {
      const { body } = await vault.call('GET', `${root}/imports`);
      const all = body['imports'] as Record<string, unknown>[];
      return all.find((each) => each['id'] === id)!;
    },
    ({ state }) => state !== 'running',
  );
}

async function verified(): Promise<Report> {
  await vault.call('POST', `${root}:verify`, {});
  return vault.until(
    async () => (await vault.call('GET', `${root}:verify`)).body as unknown as Report,
    ({ state }) => state !== 'running',
  );
}

/** Calls of the key service for a project's images, checks of the key left out. */
async function keyUses(project: string): Promise<number> {
  const entries = await vault.logEntries(
    project,
    'protoPayload.serviceName="cloudkms.googleapis.com"',
  );
  return entries.filter((entry) => {
    const text = JSON.stringify(entry);
    return /"methodName":"(Encrypt|Decrypt)"/.test(text) && !text.includes('dummy data');
  }).length;
}

describe.skipIf(!canRunImages)('the administration of the vault', () => {
  test(`images and their paths are shown without any key${why}`, async () => {
    const key = await deployed('files');
    const [image, ...others] = await imagesOf('files');
    expect(others).toEqual([]);
    expect(image).toMatchObject({ key, reference: `${registry}/hello:latest` });
    expect(image!.layers).toMatchObject([
      { references: 1, diffId: expect.stringMatching(/^sha256:/) as unknown },
    ]);

    await vault.setState(key, 'DISABLED');
    const uses = await keyUses('files');
    expect(uses).toBeGreaterThan(1);
    const { status, body } = await files('files', image!.digest);
    expect(status).toBe(200);
    const [layer] = body['layers'] as { diffId: string; entries: { path: string }[] }[];
    expect(layer?.diffId).toBe(image!.layers[0]!.diffId);
    const paths = layer!.entries.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['bin/busybox', 'www/index.html']));
    expect(await keyUses('files')).toBe(uses);
    await vault.setState(key, 'ENABLED');

    const digest = `sha256:${'0'.repeat(64)}`;
    const none = await files('files', digest);
    const message = `The vault has no image ${digest} of it.`;
    expect(none).toMatchObject({ status: 404, body: { error: { message } } });
    expect((await files('nobody', digest)).status).toBe(404);
  });

  test(`a key that was rotated and rewrapped needs its old version no more${why}`, async () => {
    const key = await deployed('rewrap');
    const before = objects();
    await vault.call('POST', `v1/${key}/cryptoKeyVersions`, {});
    await vault.call('POST', `v1/${key}:updatePrimaryVersion`, { cryptoKeyVersionId: '2' });
    const { body } = await vault.call('POST', `${root}:rewrap`, { key });
    expect(body).toEqual({ scanned: 1, rewrapped: 1, failed: 0 });
    expect(objects()).toEqual(before);
    const shown = await vault.call('GET', `${root}/keys`);
    expect(shown.body['layerKeys']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key, keyVersion: `${key}/cryptoKeyVersions/2` }),
      ]),
    );

    await vault.setState(key, 'DISABLED');
    const env = [{ name: 'SECOND', value: 'yes' }];
    await vault.deploy('rewrap', 'hello', { [annotation]: key }, { env });
    expect(await vault.settled('rewrap', 'hello')).toMatchObject({ status: 'True' });
    const { url } = (await vault.service('rewrap', 'hello')).status;
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hello' });
    const again = await vault.call('POST', `${root}:rewrap`, {});
    expect(again.body).toMatchObject({ rewrapped: 0, failed: 0 });
  });

  test(`an import says how it ended, and a deployment counts on what it stored${why}`, async () => {
    const key = await deployed('import');
    await vault.push('cloudrun/container/import:v2', 'imported');
    const image = `${registry}/import:v2`;
    const done = await imported('import', image);
    expect(done).toMatchObject({ state: 'done', layers: 1, storedLayers: 1, error: null });
    expect(done['endTime']).toBeDefined();
    const stored = objects();
    expect(await imported('import', image)).toMatchObject({ state: 'done', storedLayers: 1 });
    await vault.deploy('import', 'hello', { [annotation]: key }, { image });
    expect(await vault.settled('import', 'hello')).toMatchObject({ status: 'True' });
    expect(objects()).toEqual(stored);
    expect(await vault.systemLog('import')).toContain('Layer 1 of 1 was here already.');

    expect(await imported('import', `${registry}/nope:v1`)).toMatchObject({
      state: 'failed',
      error: `Image '${registry}/nope:v1' not found.`,
      digest: null,
    });
    expect((await imported('import', 'docker.io/library/nope'))['error']).toMatch(
      /where host is one of us-docker\.pkg\.dev but obtained docker\.io\/library\/nope/,
    );
    await vault.setState(key, 'DISABLED');
    const refused = await imported('import', image);
    expect(refused['error']).toMatch(/not enabled|has been disabled/);
    await vault.setState(key, 'ENABLED');
  });

  test.each([
    [{ service: 'hello', image: 'a/b' }, 400, 'service must be projects/P/locations/L/services/S.'],
    [{ service: serviceOf('nobody'), image: '' }, 400, 'image must be a reference to an image.'],
    [{ service: serviceOf('nobody'), image: 'a/b' }, 404, "Resource 'hello' of kind 'SERVICE'"],
    [{ service: serviceOf('nobody'), picture: 'a/b' }, 400, 'picture'],
  ])(`an import of %j is refused with %i${why}`, async (body, status, text) => {
    const answer = await vault.call('POST', `${root}:import`, body);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(text);
  });

  test(`a byte that was flipped on disk is found and named, and nothing else is${why}`, async () => {
    const key = await deployed('verify');
    const whole = await verified();
    expect(whole).toMatchObject({ state: 'done', findings: [] });
    const layerCount = Number(whole.parts[0]!['verifiedCount']);
    expect(whole.parts).toMatchObject([
      { part: 'vault-layers', expectedCount: layerCount, damagedCount: 0, unreadCount: 0 },
    ]);

    const [layer] = (await imagesOf('verify'))[0]!.layers;
    const path = pathOf(layer!.object);
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);
    const damaged = await verified();
    expect(damaged.findings).toMatchObject([
      {
        kind: 'damaged',
        part: 'vault-layers',
        where: `layer ${layer!.diffId} of ${serviceOf('verify')}`,
      },
    ]);
    expect(damaged.parts).toMatchObject([{ damagedCount: 1, verifiedCount: layerCount - 1 }]);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);

    await vault.setState(key, 'DISABLED');
    const unread = await verified();
    expect(unread.parts).toMatchObject([{ damagedCount: 0, unreadCount: 1 }]);
    expect(unread.findings).toMatchObject([{ where: serviceOf('verify') }]);
    await vault.setState(key, 'ENABLED');
    expect(await verified()).toMatchObject({ state: 'done', findings: [] });
  });

  test(`what a deleted service had is removed: at once by hand if it is old, else within hours${why}`, async () => {
    await deployed('byhand');
    await deployed('byitself');
    const [byHand, byItself] = await Promise.all(
      ['byhand', 'byitself'].map(async (project) => {
        const [layer] = (await imagesOf(project))[0]!.layers;
        await vault.call('DELETE', `v1/${serviceOf(project)}`);
        await vault.until(
          () => imagesOf(project),
          (images) => images.length === 0,
        );
        return pathOf(layer!.object);
      }),
    );
    const early = await vault.call('POST', `${root}:collect`, {});
    expect(early.body).toEqual({ removed: 0, bytes: 0 });
    const old = new Date(statSync(byHand!).mtimeMs - 7_200_000);
    const bytes = statSync(byHand!).size + statSync(`${byHand}.index`).size;
    for (const path of [byHand!, `${byHand}.index`]) utimesSync(path, old, old);
    const late = await vault.call('POST', `${root}:collect`, {});
    expect(late.body).toEqual({ removed: 1, bytes });
    const paths = (): string[] => [...objects().keys()];
    expect(paths()).not.toContain(byHand);
    expect(paths()).toContain(byItself);

    await vault.server.pass(2 * 3_600_000);
    await vault.until(
      () => Promise.resolve(paths()),
      (left) => !left.includes(byItself!),
    );
    await deployed('byitself');
    expect(await vault.instances('byitself', 'hello')).toHaveLength(1);
  });
});
