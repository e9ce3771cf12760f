import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const programs = ['debootstrap', 'umoci', 'skopeo', 'docker-registry', 'bwrap', 'busybox'];

/** Programs of the comparison that are not installed. */
export function missingPrograms(): string[] {
  return programs.filter((name) => spawnSync('which', [name], { stdio: 'ignore' }).status !== 0);
}

export interface LayoutImage {
  /** `FOLDER:TAG`, for umoci and, after `oci:`, for skopeo. */
  readonly layout: string;
}

const packages = 'python3,perl,git,curl,openssl,busybox-static';

/** A root file system of Debian, made once in `folder`; some 400 MB. */
export async function debianRoot(folder: string, say: (line: string) => void): Promise<string> {
  const root = join(folder, 'rootfs');
  if (existsSync(join(root, 'debootstrap.done'))) return root;
  say('debootstrap makes a root file system; about a minute');
  const args = ['--variant=minbase', `--include=${packages}`, 'bookworm', root];
  await run('debootstrap', args, { maxBuffer: 2 ** 26 });
  writeFileSync(join(root, 'debootstrap.done'), '');
  return root;
}

/** An image of one layer with a web server on $PORT; `args` are those of busybox. */
export async function imageOf(root: string, folder: string, tag: string): Promise<LayoutImage> {
  const layout = join(folder, `layout-${tag}`);
  const image = `${layout}:${tag}`;
  if (!existsSync(layout)) {
    await run('umoci', ['init', '--layout', layout]);
    await run('umoci', ['new', '--image', image]);
    await run('umoci', ['insert', '--image', image, root, '/'], { maxBuffer: 2 ** 26 });
    const command = ['/bin/busybox', 'sh', '-c', 'exec /bin/busybox httpd -f -p "$PORT" -h /www'];
    const config = command.map((part) => `--config.entrypoint=${part}`);
    await run('umoci', ['config', '--image', image, ...config]);
  }
  return { layout: image };
}

/** A web server of two megabytes whose answers take as long as the path says. */
export function smallRoot(folder: string): string {
  const root = join(folder, 'small');
  if (existsSync(root)) return root;
  for (const path of ['bin', 'tmp', 'www/cgi-bin'])
    mkdirSync(join(root, path), { recursive: true });
  cpSync('/bin/busybox', join(root, 'bin/busybox'));
  const script = '#!/bin/busybox sh\n/bin/busybox sleep 5\nprintf "\\r\\n\\r\\ndone\\n"\n';
  writeFileSync(join(root, 'www/cgi-bin/slow'), script, { mode: 0o755 });
  writeFileSync(join(root, 'www/index.html'), 'small\n');
  return root;
}

/** The small one with a file of `bytes` that does not compress. */
export function largeRoot(folder: string, bytes: number): string {
  const root = join(folder, 'large');
  if (existsSync(root)) return root;
  cpSync(smallRoot(folder), root, { recursive: true });
  const file = openSync(join(root, 'www/large'), 'w');
  for (let written = 0; written < bytes; written += 2 ** 20) writeSync(file, randomBytes(2 ** 20));
  closeSync(file);
  return root;
}
