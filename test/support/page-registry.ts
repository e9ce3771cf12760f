import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { DockerRegistry, hasDockerRegistry } from './docker-registry.ts';
import { makeImage, makeTar, writeImageLayout, type TarEntry } from './oci-image.ts';
import { temporaryFolder } from './server-process.ts';

const busybox = '/bin/busybox';

/** Whether images can be fetched and run here. */
export const canRunImages: boolean =
  hasDockerRegistry &&
  ['bwrap', busybox].every((program) => spawnSync(program, ['--help']).error === undefined);

export const needsImages = '(needs docker-registry, skopeo, bwrap and busybox-static)';

/** What an image of a page is beside the page. */
export interface PageImage {
  readonly more?: readonly TarEntry[];
  /** Shell commands that run before the web server does. */
  readonly before?: string;
}

/** A real registry with images of web servers. */
export class PageRegistry {
  readonly #folder = temporaryFolder();
  readonly #registry = new DockerRegistry();

  /** `127.0.0.1:5055`. */
  get host(): string {
    return this.#registry.host;
  }

  /** Resolves when it listens, with the image that the seed's page names in it. */
  async start(): Promise<void> {
    await this.#registry.start();
    await this.push('cloudrun/container/hello:latest', 'hello');
  }

  /** Puts a web server into the registry whose page is `text`. */
  async push(
    name: string,
    text: string,
    { more = [], before = '' }: PageImage = {},
  ): Promise<void> {
    const tar = await makeTar([
      { name: 'bin/', type: 'directory', mode: 0o755 },
      { name: 'bin/busybox', mode: 0o755, data: readFileSync(busybox) },
      { name: 'bin/sh', type: 'symlink', linkname: 'busybox' },
      { name: 'www/', type: 'directory', mode: 0o755 },
      { name: 'www/index.html', mode: 0o644, data: text },
      ...more,
    ]);
    // The first process of an instance hears only of what it asked for.
    const server = '/bin/busybox httpd -f -v -p "$PORT" -h /www & wait';
    const start = `trap 'exit 0' TERM; ${before}${server}`;
    const image = makeImage([tar], { config: { Entrypoint: ['/bin/sh', '-c', start] } });
    const layout = join(this.#folder.path, name.replaceAll(/[^a-z0-9]/g, '-'));
    writeImageLayout(layout, image);
    await this.#registry.push(`oci:${layout}:v1`, name);
  }

  async stop(): Promise<void> {
    await this.#registry.stop();
    this.#folder.remove();
  }
}
