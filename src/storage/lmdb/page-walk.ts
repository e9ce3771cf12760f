import { readSync } from 'node:fs';

/** LMDB's P_INVALID: the root of an empty tree. */
export const noPage: bigint = 2n ** 64n - 1n;

/** A file of `pages` whole pages. */
export interface PagedFile {
  readonly file: number;
  readonly pageSize: number;
  readonly pages: number;
}

/** A run of pages that a node names; `isTree` if the first of them has nodes of its own. */
interface Reference {
  readonly page: bigint;
  readonly count: bigint;
  readonly isTree: boolean;
}

/** MDB_page_header, then the nodes' places, which count from the header's end. */
const headerBytes = 24;
const branchFlag = 0x01;
const leafFlag = 0x02;
/** Flags of a leaf's node: its value lies on pages of its own, or is the record of a tree. */
const bigFlag = 0x01;
const treeFlag = 0x02;
/** MDB_db.md_root. */
const rootOffset = 40;

/**
 * True if a tree under `roots` names a page that the file does not have, or is no tree. Reads every
 * branch and leaf, and no value.
 */
export function reachesBeyond(paged: PagedFile, roots: readonly bigint[]): boolean {
  const stack: Reference[] = roots.map(treeAt);
  for (let seen = 0; ; seen++) {
    const next = stack.pop();
    if (next === undefined) return false;
    if (next.page === noPage) continue;
    // More steps than there are references means a circle.
    if (next.page + next.count > BigInt(paged.pages) || seen > paged.pages * paged.pageSize)
      return true;
    if (!next.isTree) continue;
    const found = referencesOf(paged, Number(next.page));
    if (found === null) return true;
    stack.push(...found);
  }
}

const treeAt = (page: bigint): Reference => ({ page, count: 1n, isTree: true });

/** What the nodes of a branch or leaf name; null if the page is neither. */
function referencesOf({ file, pageSize }: PagedFile, number: number): Reference[] | null {
  const page = Buffer.alloc(pageSize);
  if (readSync(file, page, 0, pageSize, number * pageSize) < pageSize) return null;
  const flags = page.readUInt16LE(18);
  const isBranch = (flags & branchFlag) !== 0;
  if (!isBranch && (flags & leafFlag) === 0) return null;
  try {
    return [...nodesOf(page)].flatMap((node) =>
      isBranch ? [branchOf(page, node)] : leafOf(page, node),
    );
  } catch (error) {
    // A place outside the page.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function* nodesOf(page: Buffer): Generator<number> {
  const count = page.readUInt16LE(20) >> 1;
  for (let index = 0; index < count; index++) {
    yield headerBytes + page.readUInt16LE(headerBytes + 2 * index);
  }
}

/** A branch's node has the child's number where a leaf's has size and flags. */
function branchOf(page: Buffer, node: number): Reference {
  return treeAt(BigInt(page.readUIntLE(node, 6)));
}

function leafOf(page: Buffer, node: number): Reference[] {
  const flags = page.readUInt16LE(node + 4);
  const data = node + 8 + page.readUInt16LE(node + 6);
  if ((flags & treeFlag) !== 0) return [treeAt(page.readBigUInt64LE(data + rootOffset))];
  if ((flags & bigFlag) === 0) return [];
  const count = page.readBigUInt64LE(data + 16);
  return [{ page: page.readBigUInt64LE(data), count, isTree: false }];
}
