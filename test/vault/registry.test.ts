import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { SystemClock } from '../../src/runtime/index.ts';
import type { ImageSource } from '../../src/vault/registry/image-source.ts';
import {
  DockerRegistry,
  hasDockerRegistry,
  needsDockerRegistry,
} from '../support/docker-registry.ts';
import {
  blobsOf,
  makeImage,
  makeIndex,
  makeTar,
  writeImageLayout,
  writeLayout,
} from '../support/oci-image.ts';
import { never, openSources, refusalOf } from '../support/registry-bench.ts';

const low = await makeTar([{ name: 'etc/motd', data: 'sealed\n'.repeat(200_000) }]);
const high = await makeTar([{ name: 'etc/.wh.motd' }]);
const config = { Entrypoint: ['/bin/httpd'], Env: ['PATH=/bin'], ExposedPorts: { '8080/tcp': {} } };

describe.skipIf(!hasDockerRegistry)(`a real registry ${needsDockerRegistry}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-pushed-'));
  const registry = new DockerRegistry();
  beforeAll(() => registry.start());
  afterAll(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function from(reference: string): ImageSource {
    const mirrors = [{ host: 'us-docker.pkg.dev', url: `http://${registry.host}` }];
    const clock = new SystemClock();
    return openSources([registry.host], { mirrors, clock }).sources.open(reference);
  }

  test.each(['gzip', 'zstd', 'none'] as const)(
    'gives what skopeo pushed, byte for byte: %s',
    async (compression) => {
      const image = makeImage([low, high], { compression, config });
      const layout = join(folder, compression);
      writeImageLayout(layout, image);
      const reference = await registry.push(`oci:${layout}:v1`, `demo/${compression}:v1`);
      const source = from(reference);
      const found = await source.resolve(never);
      expect(found.config).toMatchObject({
        entrypoint: ['/bin/httpd'],
        env: ['PATH=/bin'],
        exposedPorts: ['8080/tcp'],
        diffIds: image.layers.map(({ diffId }) => diffId),
      });
      for (const layer of found.layers) {
        const bytes = await buffer(await source.open(layer, 0, never));
        const digest = createHash('sha256').update(bytes).digest('hex');
        expect([bytes.length, `sha256:${digest}`]).toEqual([layer.size, layer.digest]);
        const rest = await buffer(await source.open(layer, 11, never));
        expect(rest.equals(bytes.subarray(11))).toBe(true);
      }
    },
  );

  test("gives images with Docker's media types", async () => {
    const layout = join(folder, 'docker');
    writeImageLayout(layout, makeImage([low], { config }));
    const source = from(await registry.push(`oci:${layout}:v1`, 'demo/docker:v1', 'v2s2'));
    const { layers } = await source.resolve(never);
    expect(layers.map(({ mediaType }) => mediaType)).toEqual([
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    ]);
  });

  test('gives of an index the image of this platform, by tag, by digest, and by a mirror', async () => {
    const [here, elsewhere] = [makeImage([low]), makeImage([low], { architecture: 's390x' })];
    const top = makeIndex([
      { image: elsewhere, platform: { os: 'linux', architecture: 's390x' } },
      { image: here, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    const layout = join(folder, 'many');
    writeLayout(layout, [{ tag: 'v1', top }], [...blobsOf(here), ...blobsOf(elsewhere)]);
    const name = `us-docker.pkg.dev/demo/many`;
    const pushed = await registry.push(`oci:${layout}:v1`, 'demo/many:v1');
    for (const reference of [pushed, `${name}:v1`, `${name}@${top.digest}`]) {
      const found = await from(reference).resolve(never);
      expect([found.digest, found.indexDigest]).toEqual([here.manifest.digest, top.digest]);
    }
    expect(from(`${name}:v1`).reference).toBe(`${name}:v1`);
  });

  test("says what is missing in Cloud Run's words", async () => {
    expect(await refusalOf(from('us-docker.pkg.dev/demo/none').resolve(never))).toEqual([
      'NOT_FOUND',
      'IMAGE_NOT_FOUND',
      `Image 'us-docker.pkg.dev/demo/none:latest' not found.`,
    ]);
  });
});
