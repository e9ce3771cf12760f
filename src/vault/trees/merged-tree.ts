import { type LayerEntry, LayerRefusal } from '../layers/layer-entry.ts';

/** Where a file's content is: which layer, and where in its tar. */
export interface TreeFile {
  readonly type: 'file';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  readonly layer: number;
  readonly offset: number;
}

export interface TreeSymlink {
  readonly type: 'symlink';
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly target: string;
}

/** A device node or a FIFO: known, so that later entries may replace it, and never made. */
export interface TreeSpecial {
  readonly type: 'special';
}

/** What several names may lead to. */
export type TreeLeaf = TreeFile | TreeSymlink | TreeSpecial;

export interface TreeDirectory {
  readonly type: 'directory';
  readonly parent: TreeDirectory | null;
  readonly children: Map<string, TreeName>;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  /** The last layer that named it, or something below it. */
  layer: number;
}

/** A name in a directory. */
export interface TreeName {
  readonly node: TreeLeaf | TreeDirectory;
  /** The last layer that named it; a directory knows by itself. */
  readonly layer: number;
}

const implicitMode = 0o755;
/** As many as Linux follows. */
const symlinksMax = 40;

/**
 * The tree that an image's layers make, one applied over the other, in memory: nothing touches a
 * file system before all is decided, so no name can lead a write astray. Follows what `umoci
 * unpack` does, and refuses what leaves the root.
 */
export class MergedTree {
  readonly root: TreeDirectory = directory(null, 0);
  #layer = 0;

  /** @throws LayerRefusal for an entry that fits nowhere in what the layers below made */
  apply(layer: number, entries: Iterable<LayerEntry>): void {
    this.#layer = layer;
    for (const entry of entries) this.#apply(entry);
  }

  #apply(entry: LayerEntry): void {
    if (entry.type === 'opaque') this.#clear(entry);
    else if (entry.type === 'whiteout') this.#whiteOut(entry);
    else if (entry.path === '') this.#update(this.root, entry);
    else this.#place(entry);
  }

  #place(entry: LayerEntry): void {
    const { above, name } = split(entry.path);
    const parent = this.#made(above, entry);
    const existing = parent.children.get(name)?.node;
    if (entry.type === 'directory') {
      const kept = existing?.type === 'directory' ? existing : directory(parent, this.#layer);
      parent.children.set(name, { node: kept, layer: this.#layer });
      this.#update(kept, entry);
      return;
    }
    const node = entry.type === 'hardlink' ? this.#linked(entry) : leafOf(entry, this.#layer);
    if (existing?.type === 'directory' && existing.layer === this.#layer) {
      throw new LayerRefusal('it replaces a directory that the same layer fills', entry.path);
    }
    parent.children.set(name, { node, layer: this.#layer });
    this.#touch(parent);
  }

  #update(node: TreeDirectory, { mode, uid, gid, mtime }: LayerEntry): void {
    Object.assign(node, { mode, uid, gid, mtime });
    this.#touch(node);
  }

  /** A whiteout takes away what lower layers made, never what its own layer did. */
  #whiteOut(entry: LayerEntry): void {
    const { above, name } = split(entry.path);
    const parent = this.#found(above, entry);
    const child = parent?.children.get(name);
    if (parent !== null && child !== undefined) this.#remove(parent, name, child);
  }

  #clear(entry: LayerEntry): void {
    const target = this.#found(entry.path, entry);
    for (const [name, child] of target?.children ?? []) this.#remove(target!, name, child);
  }

  #remove(parent: TreeDirectory, name: string, child: TreeName): void {
    const { node } = child;
    if (node.type !== 'directory') {
      if (child.layer !== this.#layer) parent.children.delete(name);
    } else if (node.layer === this.#layer) {
      for (const [below, each] of node.children) this.#remove(node, below, each);
    } else parent.children.delete(name);
  }

  #linked(entry: LayerEntry): TreeLeaf {
    const { above, name } = split(entry.linkname);
    const node = this.#found(above, entry)?.children.get(name)?.node;
    if (node === undefined) throw new LayerRefusal('it links to what is not there', entry.path);
    if (node.type !== 'directory') return node;
    throw new LayerRefusal('a hard link to a directory cannot be', entry.path);
  }

  #touch(node: TreeDirectory): void {
    for (let at: TreeDirectory | null = node; at !== null; at = at.parent) at.layer = this.#layer;
  }

  #made(path: string, entry: LayerEntry): TreeDirectory {
    return this.#walk(path, entry, (parent, name) => {
      const made = directory(parent, this.#layer);
      parent.children.set(name, { node: made, layer: this.#layer });
      return made;
    })!;
  }

  #found(path: string, entry: LayerEntry): TreeDirectory | null {
    return this.#walk(path, entry, () => null);
  }

  /** Follows names and symlinks inside the root, as a process in it would. */
  #walk(
    path: string,
    entry: LayerEntry,
    absent: (parent: TreeDirectory, name: string) => TreeDirectory | null,
  ): TreeDirectory | null {
    const waiting = path.split('/').toReversed();
    let at: TreeDirectory = this.root;
    let followed = 0;
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (name === '' || name === '.') continue;
      const node = name === '..' ? parentOf(at, entry) : (childOf(at, name) ?? absent(at, name));
      if (node === null) return null;
      if (node.type === 'directory') at = node;
      else if (node.type === 'symlink' && followed < symlinksMax) {
        followed++;
        if (node.target.startsWith('/')) at = this.root;
        waiting.push(...node.target.split('/').toReversed());
      } else throw new LayerRefusal(dead(node), entry.path);
    }
    return at;
  }
}

function childOf(at: TreeDirectory, name: string): TreeName['node'] | null {
  return at.children.get(name)?.node ?? null;
}

function dead({ type }: TreeLeaf): string {
  return type === 'symlink'
    ? 'its path has too many symlinks'
    : 'a part of its path is no directory';
}

function parentOf(at: TreeDirectory, entry: LayerEntry): TreeDirectory {
  if (at.parent !== null) return at.parent;
  throw new LayerRefusal('a symlink leads its path out of the root', entry.path);
}

function leafOf(entry: LayerEntry, layer: number): TreeLeaf {
  const { type, mode, uid, gid, mtime, size, offset } = entry;
  if (type === 'file') return { type, mode, uid, gid, mtime, size, layer, offset };
  if (type === 'symlink') return { type, uid, gid, mtime, target: entry.linkname };
  return { type: 'special' };
}

function directory(parent: TreeDirectory | null, layer: number): TreeDirectory {
  const children = new Map<string, TreeName>();
  const mode = implicitMode;
  return { type: 'directory', parent, children, mode, uid: 0, gid: 0, mtime: 0, layer };
}

function split(path: string): { above: string; name: string } {
  const slash = path.lastIndexOf('/');
  return { above: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}
