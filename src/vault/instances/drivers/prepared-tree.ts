import { chmodSync, lchownSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { RpcError } from '../../../rpc/index.ts';
import type { InstanceSpec } from '../instance-driver.ts';
import { placeInTree, stepsMax } from './tree-path.ts';

type TreeSpec = Pick<InstanceSpec, 'root' | 'idOffset' | 'hostname' | 'cwd'>;

/** What file systems of its own are mounted on: links there could lead a mount astray. */
const mountPoints: readonly string[] = ['proc', 'dev', 'tmp', 'sys'];

/** Longer ones the kernel does not take. */
const pathBytesMax = 4095;

const names = '# Nothing outside of this instance has a name.\noptions attempts:1 timeout:1\n';

/**
 * Makes a tree ready to be run: its mount points are folders, its working directory is there, and
 * its names are its own, neither the image's nor the host's. Nothing may run in it yet.
 *
 * @throws RpcError FAILED_PRECONDITION if the working directory is no folder of the tree
 */
export function prepareTree(spec: TreeSpec): void {
  const { root, hostname } = spec;
  for (const name of mountPoints) makeMountPoint(spec, join(root, name));
  chmodSync(join(root, 'tmp'), 0o1777);
  makeFolder(spec, '/etc');
  const own = [...new Set(['localhost', hostname])].join(' ');
  const hosts = `127.0.0.1\t${own}\n::1\t${own}\n`;
  writeOwn(spec, '/etc/hosts', hosts);
  writeOwn(spec, '/etc/hostname', `${hostname}\n`);
  writeOwn(spec, '/etc/resolv.conf', names);
  makeWorkingFolder(spec);
}

/** Of the tree beyond doubt: beneath /proc are descriptors of who makes the sandbox, and the host. */
function makeWorkingFolder(spec: TreeSpec): void {
  const { root, cwd } = spec;
  const isPath = Buffer.byteLength(cwd) <= pathBytesMax && cwd.split('/').length <= stepsMax;
  if (isPath) makeFolder(spec, cwd);
  if (isPath && placeInTree(root, cwd)?.stats?.isDirectory()) return;
  const message = `The container could not be started: its working directory ${JSON.stringify(cwd.slice(0, 200))} is no folder of its image.`;
  throw new RpcError('FAILED_PRECONDITION', 'INSTANCE_START_FAILED', message);
}

function makeMountPoint(spec: TreeSpec, path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  if (stats !== undefined) rmSync(path);
  mkdirSync(path, { mode: 0o755 });
  giveOver(spec, path);
}

/** With all that is above it; nothing where something else is in its way. */
function makeFolder(spec: TreeSpec, path: string): void {
  const place = placeInTree(spec.root, path);
  if (place?.stats) return;
  if (place === null) {
    const parent = posix.dirname(path);
    if (parent === path) return;
    makeFolder(spec, parent);
  }
  const open = place ?? placeInTree(spec.root, path);
  if (open === null || open.stats !== null) return;
  mkdirSync(open.path, { mode: 0o755 });
  giveOver(spec, open.path);
}

function writeOwn(spec: TreeSpec, path: string, text: string): void {
  const folder = placeInTree(spec.root, posix.dirname(path));
  if (!folder?.stats?.isDirectory()) return;
  const file = join(folder.path, posix.basename(path));
  rmSync(file, { force: true, recursive: true });
  writeFileSync(file, text, { flag: 'wx', mode: 0o644 });
  giveOver(spec, file);
}

function giveOver({ idOffset }: TreeSpec, path: string): void {
  if (idOffset !== null) lchownSync(path, idOffset, idOffset);
}
