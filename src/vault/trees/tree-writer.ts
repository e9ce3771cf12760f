import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import type { TreeDirectory, TreeFile, TreeSymlink } from './merged-tree.ts';
import type { Planned, TreePlan } from './tree-plan.ts';

const newFile: number =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Filesystems keep no times before this one. */
const oldestSeconds = 0;
const idsPerInstance = 65_536;
const nobody = 65_534;
const specialBits = 0o7000;

/**
 * Makes a planned tree below a root that nobody else can enter. Every parent was made here as a
 * real directory, and nothing that exists is ever written to.
 */
export class TreeWriter {
  readonly #root: string;
  readonly #idOffset: number | null;
  readonly #umask = process.umask();

  constructor(root: string, idOffset: number | null) {
    this.#root = root;
    this.#idOffset = idOffset;
  }

  makeDirectories({ directories }: TreePlan): void {
    for (const { path } of directories) {
      if (path !== '') mkdirSync(this.#at(path), 0o700);
    }
  }

  /** A new file, empty; the caller writes to it, hands it to `finishFile`, and closes it. */
  createFile({ path, node }: Planned<TreeFile>): number {
    return openSync(this.#at(path), newFile, node.mode & 0o777);
  }

  write(file: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  }

  /** Its owner first: a change of owner takes setuid away. */
  finishFile(file: number, node: TreeFile): void {
    const { mode } = node;
    if (this.#idOffset !== null) {
      fchownSync(file, mapped(node.uid, this.#idOffset), mapped(node.gid, this.#idOffset));
    }
    if ((mode & (specialBits | this.#umask)) !== 0) fchmodSync(file, mode);
    const seconds = timeOf(node.mtime);
    futimesSync(file, seconds, seconds);
  }

  close(file: number): void {
    closeSync(file);
  }

  makeSymlink({ path, node }: Planned<TreeSymlink>): void {
    const at = this.#at(path);
    symlinkSync(node.target, at);
    if (this.#idOffset !== null) {
      lchownSync(at, mapped(node.uid, this.#idOffset), mapped(node.gid, this.#idOffset));
    }
    const seconds = timeOf(node.mtime);
    lutimesSync(at, seconds, seconds);
  }

  makeLinks({ links }: TreePlan): void {
    for (const { path, first } of links) linkSync(this.#at(first), this.#at(path));
  }

  /** Last of all, the deepest first: what is made in a directory changes its time. */
  finishDirectories({ directories }: TreePlan): void {
    for (const { path, node } of directories.toReversed()) this.#finishDirectory(path, node);
  }

  #finishDirectory(path: string, node: TreeDirectory): void {
    const at = path === '' ? this.#root : this.#at(path);
    if (this.#idOffset !== null) {
      lchownSync(at, mapped(node.uid, this.#idOffset), mapped(node.gid, this.#idOffset));
    }
    chmodSync(at, node.mode);
    const seconds = timeOf(node.mtime);
    utimesSync(at, seconds, seconds);
  }

  #at(path: string): string {
    return `${this.#root}/${path}`;
  }
}

/** An instance has 65,536 ids: what is beyond them is nobody's, never the next instance's. */
function mapped(id: number, offset: number): number {
  return offset + (id < idsPerInstance ? id : nobody);
}

function timeOf(mtime: number): number {
  return Math.max(mtime, oldestSeconds);
}
