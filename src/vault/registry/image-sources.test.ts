import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';

import {
  type Blob,
  descriptorOf,
  digestOf,
  makeBlob,
  makeImage,
  makeIndex,
  makeJsonBlob,
  makeTar,
  type MadeImage,
} from '../../../test/support/oci-image.ts';
import {
  never,
  openSources,
  refusalOf,
  startRegistry,
} from '../../../test/support/registry-bench.ts';
import type { RegistryServer } from '../../../test/support/registry-server.ts';
import type { ResolvedImage } from './image-source.ts';

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const tar = await makeTar([{ name: 'etc/motd', data: 'sealed' }]);
const process = { Entrypoint: ['/bin/sh'], Cmd: ['-c', 'true'], Env: ['A=b'], User: '7:8' };
const image = makeImage([tar, await makeTar([{ name: 'x', data: 'y' }])], { config: process });

function resolve(registry: RegistryServer, reference: string): Promise<ResolvedImage> {
  return openSources([registry.host]).sources.open(reference).resolve(never);
}

/** What becomes of an image whose manifest is changed so. */
async function resolveChanged(
  change: (manifest: Record<string, unknown>) => unknown,
  saidType = ociManifest,
): Promise<[string, string, string]> {
  const registry = await startRegistry();
  const manifest = JSON.parse(image.manifest.bytes.toString()) as Record<string, unknown>;
  registry.add('demo/x', 'whole', image);
  const changed = makeJsonBlob(saidType, change(manifest));
  return refusalOf(resolve(registry, registry.name('demo/x', 'v1', changed)));
}

async function resolveWithConfig(config: unknown): Promise<[string, string, string]> {
  const registry = await startRegistry();
  registry.add('demo/x', 'whole', image);
  const blob = makeJsonBlob(image.config.mediaType, config);
  registry.put(blob);
  const manifest = JSON.parse(image.manifest.bytes.toString()) as Record<string, unknown>;
  const changed = makeJsonBlob(ociManifest, { ...manifest, config: descriptorOf(blob) });
  return refusalOf(resolve(registry, registry.name('demo/x', 'v1', changed)));
}

describe('an image', () => {
  test.each([
    ['OCI', 'gzip', {}],
    ['OCI', 'zstd', { compression: 'zstd' }],
    ['OCI', 'plain', { compression: 'none' }],
    ['Docker', 'gzip', { mediaTypes: 'docker' }],
    ['Docker', 'plain', { mediaTypes: 'docker', compression: 'none' }],
    ['OCI', 'sha512', { algorithm: 'sha512' }],
  ] as const)('with %s media types and %s layers is read', async (_, _kind, wishes) => {
    const registry = await startRegistry();
    const made = makeImage([tar], { config: process, ...wishes });
    const { sources } = openSources([registry.host]);
    const source = sources.open(registry.add('demo/hello', 'v1', made));
    const found = await source.resolve(never);
    expect(found.digest).toBe(made.manifest.digest);
    expect(found.indexDigest).toBe(made.manifest.digest);
    expect(Buffer.from(found.configBytes).equals(made.config.bytes)).toBe(true);
    expect(found.layers).toEqual(made.layers.map((layer) => descriptorOf(layer)));
    expect(found.config).toEqual({
      architecture: 'amd64',
      os: 'linux',
      entrypoint: ['/bin/sh'],
      cmd: ['-c', 'true'],
      env: ['A=b'],
      workingDir: '',
      user: '7:8',
      exposedPorts: [],
      stopSignal: '',
      diffIds: made.layers.map(({ diffId }) => diffId),
    });
    const blob = await buffer(await source.open(found.layers[0]!, 0, never));
    expect(blob.equals(made.layers[0]!.bytes)).toBe(true);
  });

  test('by digest is that one, whatever the tag beside it says', async () => {
    const registry = await startRegistry();
    registry.add('demo/hello', 'v1', image);
    const other = makeImage([tar]);
    const moved = registry.add('demo/hello', 'v2', other);
    const reference = `${moved}@${image.manifest.digest}`;
    expect((await resolve(registry, reference)).digest).toBe(image.manifest.digest);
    expect(registry.paths[0]).toBe(`/v2/demo/hello/manifests/${image.manifest.digest}`);
  });

  test('from a mirror keeps the name that it was asked for by', async () => {
    const registry = await startRegistry();
    registry.add('cloudrun/container/hello', 'latest', image);
    const mirrors = [{ host: 'us-docker.pkg.dev', url: registry.url }];
    const { sources } = openSources([], { mirrors });
    const source = sources.open('us-docker.pkg.dev/cloudrun/container/hello');
    expect(source.reference).toBe('us-docker.pkg.dev/cloudrun/container/hello:latest');
    expect((await source.resolve(never)).digest).toBe(image.manifest.digest);
  });

  test("that is not there is missing in Cloud Run's words", async () => {
    const registry = await startRegistry();
    const { host } = registry;
    expect(await refusalOf(resolve(registry, `${host}/demo/none`))).toEqual([
      'NOT_FOUND',
      'IMAGE_NOT_FOUND',
      `Image '${host}/demo/none:latest' not found.`,
    ]);
  });
});

describe('an index', () => {
  const arm = makeImage([tar], { architecture: 'arm64', variant: 'v8' });
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };

  async function served(
    index: Blob,
    architecture: string,
    images: readonly MadeImage[] = [image, arm],
  ): Promise<ResolvedImage> {
    const registry = await startRegistry();
    for (const each of images) registry.add('demo/many', each.manifest.digest, each);
    const { sources } = openSources([registry.host], { architecture });
    return await sources.open(registry.name('demo/many', 'v1', index)).resolve(never);
  }

  test.each(['oci', 'docker'] as const)('of %s leads to what runs here', async (kind) => {
    const members = [
      { image: arm, platform: arm64 },
      { image, platform: amd64 },
    ];
    const index = makeIndex(members, kind);
    const here = await served(index, 'x64');
    expect([here.digest, here.indexDigest]).toEqual([image.manifest.digest, index.digest]);
    expect((await served(index, 'arm64')).digest).toBe(arm.manifest.digest);
  });

  test('prefers the variant that every machine of its kind has, and passes over the others', async () => {
    const newer = makeImage([tar], { variant: 'v3', config: { User: '3' } });
    const index = makeIndex([
      { image: newer, platform: { ...amd64, variant: 'v3' } },
      { image: makeImage([tar], { os: 'windows' }), platform: { ...amd64, os: 'windows' } },
      { image, platform: amd64 },
    ]);
    expect((await served(index, 'x64', [newer, image])).digest).toBe(image.manifest.digest);
  });

  test('without what runs here names the platform', async () => {
    const index = makeIndex([{ image: arm, platform: arm64 }]);
    expect(await refusalOf(served(index, 'x64'))).toEqual([
      'FAILED_PRECONDITION',
      'IMAGE_PLATFORM_MISSING',
      `Container manifest type '${ociIndex}' must support amd64/linux.`,
    ]);
  });

  test('that lies about the platform of a member is found out by its config', async () => {
    const index = makeIndex([{ image: arm, platform: amd64 }]);
    const [, reason, text] = await refusalOf(served(index, 'x64'));
    expect([reason, text]).toEqual([
      'IMAGE_PLATFORM_MISSING',
      `Container manifest type '${ociManifest}' must support amd64/linux.`,
    ]);
  });

  test('in an index in an index is not followed for ever', async () => {
    const registry = await startRegistry();
    registry.add('demo/deep', 'x', image);
    let top = makeIndex([{ image, platform: amd64 }]);
    for (let depth = 0; depth < 5; depth++) {
      registry.name('demo/deep', top.digest, top);
      const inner = { ...descriptorOf(top), platform: amd64 };
      top = makeJsonBlob(ociIndex, { schemaVersion: 2, manifests: [inner] });
    }
    const refused = await refusalOf(resolve(registry, registry.name('demo/deep', 'v1', top)));
    expect(refused[1]).toBe('IMAGE_UNSUPPORTED');
    expect(refused[2]).toContain('nested');
    expect(registry.seen.length).toBeLessThan(5);
  });

  test('that a server turns into a loop breaks at its digest', async () => {
    const registry = await startRegistry();
    const index = makeIndex([{ image, platform: amd64 }]);
    registry.name('demo/loop', image.manifest.digest, index);
    const refused = await refusalOf(resolve(registry, registry.name('demo/loop', 'v1', index)));
    expect(refused[1]).toBe('IMAGE_INVALID');
  });
});

describe('a manifest is refused', () => {
  const layer = (more: object): ((manifest: Record<string, unknown>) => unknown) => {
    const [first, second] = image.layers.map((each) => descriptorOf(each));
    return (manifest) => ({ ...manifest, layers: [{ ...first, ...more }, second] });
  };

  test.each([
    ['that is no object', () => [], 'IMAGE_INVALID', 'no JSON object'],
    ['of schema 1', () => ({ schemaVersion: 1, fsLayers: [] }), 'IMAGE_UNSUPPORTED', 'schema 1'],
    [
      'of no schema',
      (m: object) => ({ ...m, schemaVersion: 3 }),
      'IMAGE_INVALID',
      'schema version',
    ],
    [
      'that is an index too',
      (m: object) => ({ ...m, manifests: [] }),
      'IMAGE_INVALID',
      'not clearly',
    ],
    [
      'that says another type',
      (m: object) => ({ ...m, mediaType: ociIndex }),
      'IMAGE_INVALID',
      'type',
    ],
    [
      'of no image',
      (m: object) => ({ ...m, mediaType: 'application/x' }),
      'IMAGE_UNSUPPORTED',
      'x',
    ],
    ['without layers', (m: object) => ({ ...m, layers: 'many' }), 'IMAGE_INVALID', 'no layers'],
    [
      'of 128 layers',
      (m: object) => ({ ...m, layers: Array(128).fill(descriptorOf(image.layers[0]!)) }),
      'IMAGE_INVALID',
      'more than 127 layers',
    ],
    [
      'with a layer less than its config',
      (m: object) => ({ ...m, layers: [] }),
      'IMAGE_INVALID',
      '2',
    ],
    ['with a negative size', layer({ size: -1 }), 'IMAGE_INVALID', 'size'],
    ['with a size that is a text', layer({ size: '1' }), 'IMAGE_INVALID', 'size'],
    ['with a digest of md5', layer({ digest: `md5:${'a'.repeat(32)}` }), 'IMAGE_INVALID', 'digest'],
    ['with a path for a digest', layer({ digest: 'sha256:../../x' }), 'IMAGE_INVALID', 'digest'],
    ['with urls', layer({ urls: ['http://169.254.169.254/'] }), 'IMAGE_UNSUPPORTED', 'elsewhere'],
    [
      'with a foreign layer',
      layer({ mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }),
      'IMAGE_UNSUPPORTED',
      'outside of the registry',
    ],
    [
      'with a layer that may not be distributed',
      layer({ mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' }),
      'IMAGE_UNSUPPORTED',
      'outside of the registry',
    ],
    [
      'with a layer of any type',
      layer({ mediaType: 'text/html' }),
      'IMAGE_UNSUPPORTED',
      'text/html',
    ],
    [
      'with an encrypted layer',
      layer({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' }),
      'IMAGE_UNSUPPORTED',
      'key provider images are not supported yet',
    ],
    [
      'with an encrypted layer of Docker',
      layer({ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip+encrypted' }),
      'IMAGE_UNSUPPORTED',
      'key provider images are not supported yet',
    ],
    [
      'of an artifact',
      (m: object) => ({
        ...m,
        config: { ...descriptorOf(image.config), mediaType: 'application/vnd.oci.empty.v1+json' },
      }),
      'IMAGE_UNSUPPORTED',
      'no container image',
    ],
    [
      'with a config of 9 MiB',
      (m: object) => ({ ...m, config: { ...descriptorOf(image.config), size: 9 << 20 } }),
      'IMAGE_INVALID',
      'larger than',
    ],
    [
      'whose config has another size',
      (m: object) => ({ ...m, config: { ...descriptorOf(image.config), size: 7 } }),
      'IMAGE_INVALID',
      'size',
    ],
  ] as const)('%s', async (_, change, reason, words) => {
    const refused = await resolveChanged(change);
    expect(refused[1]).toBe(reason);
    expect(refused[2]).toContain(words);
  });

  test('that came as of schema 1', async () => {
    const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    const change = (): unknown => ({ schemaVersion: 1, fsLayers: [] });
    expect((await resolveChanged(change, type))[2]).toContain('schema 1');
  });

  test('larger than 4 MiB, without being read to its end', async () => {
    const registry = await startRegistry();
    registry.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': ociManifest });
      const fill = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
      };
      response.on('drain', fill);
      fill();
      return true;
    };
    const refused = await refusalOf(resolve(registry, `${registry.host}/demo/huge`));
    expect(refused[1]).toBe('IMAGE_INVALID');
    expect(refused[2]).toContain('larger than 4194304 bytes');
  });

  test('of another digest than was asked for, whatever Docker-Content-Digest says', async () => {
    const registry = await startRegistry();
    const { digest } = image.manifest;
    const lie = { ...makeImage([tar]).manifest };
    registry.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': ociManifest, 'docker-content-digest': digest });
      response.end(lie.bytes);
      return true;
    };
    const refused = await refusalOf(resolve(registry, `${registry.host}/demo/x@${digest}`));
    expect(refused).toEqual([
      'FAILED_PRECONDITION',
      'IMAGE_INVALID',
      `Image '${registry.host}/demo/x@${digest}' cannot be used: what came for ${digest} has another digest.`,
    ]);
  });
});

describe('a config is refused', () => {
  const rootfs = { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) };
  const whole = { os: 'linux', architecture: 'amd64', rootfs };

  test.each([
    ['that is no object', 'x', 'IMAGE_INVALID'],
    ['of another system', { ...whole, os: 'windows' }, 'IMAGE_PLATFORM_MISSING'],
    ['of another processor', { ...whole, architecture: 's390x' }, 'IMAGE_PLATFORM_MISSING'],
    ['of a newer variant', { ...whole, variant: 'v4' }, 'IMAGE_PLATFORM_MISSING'],
    ['without layers', { ...whole, rootfs: { type: 'layers' } }, 'IMAGE_INVALID'],
    [
      'with other layers',
      { ...whole, rootfs: { type: 'x', diff_ids: ['a', 'b'] } },
      'IMAGE_INVALID',
    ],
    [
      'with a digest that is none',
      { ...whole, rootfs: { type: 'layers', diff_ids: ['sha256:x', 'sha256:y'] } },
      'IMAGE_INVALID',
    ],
    ['with a command that is a text', { ...whole, config: { Cmd: 'sh' } }, 'IMAGE_INVALID'],
    ['with a NUL', { ...whole, config: { Env: ['A=\0'] } }, 'IMAGE_INVALID'],
    ['with a user that is a number', { ...whole, config: { User: 0 } }, 'IMAGE_INVALID'],
    ['whose config is a list', { ...whole, config: [] }, 'IMAGE_INVALID'],
  ])('%s', async (_, config, reason) => {
    expect((await resolveWithConfig(config))[1]).toBe(reason);
  });

  test('of another digest than its manifest says', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/x', 'v1', image);
    const bytes = Buffer.from(image.config.bytes);
    bytes[bytes.length - 2] = bytes[bytes.length - 2]! ^ 1;
    registry.put({ ...image.config, bytes });
    expect((await refusalOf(resolve(registry, reference)))[2]).toContain('has another digest');
  });

  test('that is not there', async () => {
    const registry = await startRegistry();
    const missing = makeBlob(image.config.mediaType, Buffer.from('{}'));
    const manifest = JSON.parse(image.manifest.bytes.toString()) as Record<string, unknown>;
    const changed = makeJsonBlob(ociManifest, { ...manifest, config: descriptorOf(missing) });
    const reference = registry.name('demo/x', 'v1', changed);
    const refused = await refusalOf(resolve(registry, reference));
    expect(refused[2]).toContain(`${digestOf(missing.bytes)}, which it is made of, is not`);
  });
});
