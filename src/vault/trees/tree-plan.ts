import type { MergedTree, TreeDirectory, TreeFile, TreeLeaf, TreeSymlink } from './merged-tree.ts';

/** Something to make, by its path below the root. */
export interface Planned<Node> {
  readonly path: string;
  readonly node: Node;
}

/** What has to be made of a tree, in the order in which it can be. */
export interface TreePlan {
  /** Each after its parent; the root is the first, with an empty path. */
  readonly directories: readonly Planned<TreeDirectory>[];
  /** For each layer the files whose content it has, in the order of its tar. */
  readonly files: readonly (readonly Planned<TreeFile>[])[];
  readonly symlinks: readonly Planned<TreeSymlink>[];
  /** Further names of what is made before. */
  readonly links: readonly { readonly path: string; readonly first: string }[];
  /** Bytes of memory that the tree takes: whole pages, and what the kernel keeps of each name. */
  readonly bytes: number;
}

const pageBytes = 4_096;
/** A tmpfs keeps an inode and a directory entry for each: about a kibibyte. */
const bytesPerName = 1_024;

export function planTree(tree: MergedTree, layers: number): TreePlan {
  const planner = new Planner(layers);
  planner.walk('', tree.root);
  return planner.plan();
}

class Planner {
  readonly #directories: Planned<TreeDirectory>[] = [];
  readonly #files: Planned<TreeFile>[][];
  readonly #symlinks: Planned<TreeSymlink>[] = [];
  readonly #links: { path: string; first: string }[] = [];
  readonly #seen = new Map<TreeLeaf, string>();
  #bytes = 0;

  constructor(layers: number) {
    this.#files = Array.from({ length: layers }, () => []);
  }

  walk(path: string, root: TreeDirectory): void {
    const waiting: Planned<TreeDirectory>[] = [{ path, node: root }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      this.#directories.push(next);
      this.#bytes += bytesPerName;
      for (const [name, { node }] of next.node.children) {
        const below = next.path === '' ? name : `${next.path}/${name}`;
        if (node.type === 'directory') waiting.push({ path: below, node });
        else this.#leaf(below, node);
      }
    }
  }

  plan(): TreePlan {
    for (const files of this.#files) files.sort((a, b) => a.node.offset - b.node.offset);
    return {
      directories: this.#directories,
      files: this.#files,
      symlinks: this.#symlinks,
      links: this.#links,
      bytes: this.#bytes,
    };
  }

  #leaf(path: string, node: TreeLeaf): void {
    if (node.type === 'special') return;
    this.#bytes += bytesPerName;
    const first = this.#seen.get(node);
    if (first !== undefined) {
      this.#links.push({ path, first });
      return;
    }
    this.#seen.set(node, path);
    if (node.type === 'symlink') {
      this.#symlinks.push({ path, node });
      return;
    }
    this.#bytes += Math.ceil(node.size / pageBytes) * pageBytes;
    this.#files[node.layer]!.push({ path, node });
  }
}
