import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid, pid } from 'node:process';
import { draw, type Entropy } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { identityOf, isRunning, type ProcessIdentity } from './drivers/process-identity.ts';
import { removeTree } from './tree-removal.ts';

/** What statfs says of a file system in memory. */
const tmpfsType = 0x01021994;
/** Of a Unix socket's path, with what is put beneath. */
const pathBytesMax = 60;
const treesName = 'trees';

/**
 * Where plaintext may be: a folder in memory. One process owns it; the trees of each are in a folder
 * of their own, so that what a crash leaves is known by its name.
 */
export class RuntimeFolder {
  readonly #path: string;
  readonly #boot: string;
  /** Whether it was not there before: then it goes with us. */
  readonly #isMade: boolean;

  private constructor(path: string, boot: string, isMade: boolean) {
    this.#path = path;
    this.#boot = boot;
    this.#isMade = isMade;
  }

  /** @throws RpcError FAILED_PRECONDITION if it is not in memory, not ours, or in use */
  static open(path: string, entropy: Entropy): RuntimeFolder {
    if (Buffer.byteLength(path) > pathBytesMax) {
      throw refused(path, `has a path of more than ${pathBytesMax} bytes`);
    }
    const isMade = mkdirSync(path, { recursive: true, mode: 0o711 }) !== undefined;
    const stats = lstatSync(path);
    if (!stats.isDirectory() || stats.uid !== getuid?.()) throw refused(path, 'is not ours');
    if (statfsSync(path).type !== tmpfsType) {
      if (isMade) removeEmpty(path);
      throw refused(path, 'is not in memory (tmpfs), and opened images must not reach a disk');
    }
    const owner = ownerOf(path);
    if (owner !== null) throw refused(path, `is in use by process ${owner.pid}`);
    // Ids of instances pass through it, and see nothing of it.
    chmodSync(path, 0o711);
    writeFileSync(join(path, 'owner'), JSON.stringify(identityOf(pid)), { mode: 0o600 });
    const boot = Buffer.from(draw(entropy, 8)).toString('hex');
    mkdirSync(join(path, treesName, boot), { recursive: true, mode: 0o711 });
    for (const folder of [treesName, join(treesName, boot)]) chmodSync(join(path, folder), 0o711);
    return new RuntimeFolder(path, boot, isMade);
  }

  /** An instance's: entered by its own ids alone. */
  async makeTreeFolder(id: string, idOffset: number | null): Promise<string> {
    const folder = this.treeFolder(id);
    await mkdir(folder, { mode: 0o700 });
    if (idOffset !== null) await chown(folder, idOffset, idOffset);
    return folder;
  }

  treeFolder(id: string): string {
    return join(this.#path, treesName, this.#boot, id);
  }

  /** What is left of the file system, bytes. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#path);
    return bavail * bsize;
  }

  /** Removes trees of earlier processes; how many instances they were of. */
  async sweep(): Promise<number> {
    let count = 0;
    for (const boot of readdirSync(join(this.#path, treesName))) {
      if (boot === this.#boot) continue;
      const folder = join(this.#path, treesName, boot);
      count += readdirSync(folder).length;
      await removeTree(folder);
    }
    return count;
  }

  async release(): Promise<void> {
    await removeTree(join(this.#path, treesName, this.#boot));
    rmSync(join(this.#path, 'owner'), { force: true });
    for (const name of readdirSync(this.#path)) removeEmpty(join(this.#path, name));
    if (this.#isMade) removeEmpty(this.#path);
  }
}

/** Anything else stays: somebody else's, or left by a crash for the next sweep. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'ENOTDIR' && code !== 'ENOENT') throw error;
  }
}

function ownerOf(path: string): ProcessIdentity | null {
  try {
    const owner = JSON.parse(readFileSync(join(path, 'owner'), 'utf8')) as ProcessIdentity;
    return isRunning(owner) ? owner : null;
  } catch {
    return null;
  }
}

function refused(path: string, why: string): RpcError {
  const message = `The vault's runtime folder ${path} ${why}. Name another with --vault-runtime-dir.`;
  return new RpcError('FAILED_PRECONDITION', 'VAULT_RUNTIME_DIR', message);
}
