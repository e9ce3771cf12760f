import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { LayerEntry } from '../layers/layer-entry.ts';
import { MergedTree } from './merged-tree.ts';
import { planTree } from './tree-plan.ts';

type Short = Pick<LayerEntry, 'type' | 'path'> & Partial<LayerEntry>;

const entry = (short: Short): LayerEntry => ({
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  linkname: '',
  xattrs: [],
  offset: 0,
  ...short,
});
const file = (path: string, size = 0): Short => ({ type: 'file', path, size });
const dir = (path: string): Short => ({ type: 'directory', path });
const symlink = (path: string, linkname: string): Short => ({ type: 'symlink', path, linkname });
const hard = (path: string, linkname: string): Short => ({ type: 'hardlink', path, linkname });
const gone = (path: string): Short => ({ type: 'whiteout', path });
const opaque = (path: string): Short => ({ type: 'opaque', path });

function merged(...layers: readonly (readonly Short[])[]): MergedTree {
  const tree = new MergedTree();
  for (const [index, shorts] of layers.entries()) tree.apply(index, shorts.map(entry));
  return tree;
}

function paths(...layers: readonly (readonly Short[])[]): string[] {
  const plan = planTree(merged(...layers), layers.length);
  const made = [plan.directories.slice(1), plan.files.flat(), plan.symlinks, plan.links].flat();
  return made.map(({ path }) => path).toSorted();
}

describe('layers over each other', () => {
  test('what a later layer replaces is not written', () => {
    const plan = planTree(merged([file('a', 5_000)], [file('a', 1)]), 2);
    expect(plan.files.map((files) => files.length)).toEqual([0, 1]);
    expect(plan.bytes).toBe(1_024 + 1_024 + 4_096);
  });

  test('a whiteout takes away what is below it, and not what its own layer made', () => {
    expect(paths([dir('d'), file('d/x')], [file('d/y'), gone('d')])).toEqual(['d', 'd/y']);
    expect(paths([file('f')], [gone('f'), file('f')], [gone('f')])).toEqual([]);
  });

  test('an opaque directory keeps itself', () => {
    expect(paths([dir('d'), file('d/x')], [opaque('d')])).toEqual(['d']);
    expect(paths([file('x')], [opaque(''), file('y')])).toEqual(['y']);
  });

  test('a hard link keeps a file whose first name is gone, and counts once', () => {
    const layers = [[file('a', 4_096), hard('b', 'a'), hard('c', 'b')], [gone('a')]];
    expect(paths(...layers)).toEqual(['b', 'c']);
    const plan = planTree(merged(...layers), 2);
    expect(plan.links).toHaveLength(1);
    expect(plan.bytes).toBe(3 * 1_024 + 4_096);
  });

  test('device nodes are known, and not made', () => {
    const device: Short = { type: 'character', path: 'null' };
    expect(paths([device, hard('same', 'null'), file('a')])).toEqual(['a']);
    expect(paths([device], [file('null')])).toEqual(['null']);
  });

  test('a path through symlinks is followed inside the root', () => {
    const below = [dir('usr'), dir('usr/lib'), symlink('lib', '/usr/lib'), symlink('l2', 'lib')];
    expect(paths(below, [file('l2/libc')])).toContain('usr/lib/libc');
    expect(paths([symlink('to', 'not/there')], [file('to/x')])).toContain('not/there/x');
  });

  test('a directory in the place of a symlink does not fill what that led to', () => {
    const made = paths([dir('real'), symlink('d', 'real')], [dir('d'), file('d/x')]);
    expect(made).toEqual(['d', 'd/x', 'real']);
  });
});

describe('what is refused, with the entry and the rule', () => {
  const cases: readonly (readonly [string, readonly (readonly Short[])[], RegExp])[] = [
    [
      'a symlink out of the root',
      [[symlink('d', '../..'), file('d/x')]],
      /"d\/x": .* out of the root/,
    ],
    [
      'a symlink that a lower layer aims out of the root',
      [[dir('a'), symlink('a/s', '../../etc')], [file('a/s/passwd')]],
      /out of the root/,
    ],
    [
      'a hard link through it',
      [[symlink('s', '..'), hard('h', 's/etc/shadow')]],
      /out of the root/,
    ],
    ['a whiteout through it', [[symlink('s', '..'), gone('s/etc')]], /out of the root/],
    [
      'symlinks in a ring',
      [[symlink('a', 'b'), symlink('b', 'a'), file('a/x')]],
      /too many symlinks/,
    ],
    ['a path below a file', [[file('f'), file('f/x')]], /is no directory/],
    ['a hard link to nothing', [[hard('a', 'b')]], /links to what is not there/],
    ['a hard link to itself', [[hard('a', 'a')]], /links to what is not there/],
    ['a hard link to a directory', [[dir('d'), hard('a', 'd')]], /to a directory/],
    [
      'a directory that its own layer fills and then replaces',
      [[dir('d'), file('d/x'), symlink('d', '/etc'), file('d/y')]],
      /replaces a directory that the same layer fills/,
    ],
  ];
  test.each(cases)('%s', (_, layers, rule) => {
    expect(() => merged(...layers)).toThrow(rule);
  });
});

test('no layers make anything that is not below the root, each once and after its folder', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'a/b', 'b/a', 'a/b/c', 'c/c');
  const target = fc.constantFrom('a', 'b', '..', '../a', '/', '/b/a', '../../x', 'c/../b');
  const short: fc.Arbitrary<Short> = fc.oneof(
    name.map((path) => file(path, 1)),
    name.map(dir),
    fc.tuple(name, target).map(([path, to]) => symlink(path, to)),
    fc.tuple(name, name).map(([path, to]) => hard(path, to)),
    name.map(gone),
    name.map(opaque),
  );
  fc.assert(
    fc.property(fc.array(fc.array(short, { maxLength: 8 }), { maxLength: 4 }), (layers) => {
      let made: string[];
      try {
        made = paths(...layers);
      } catch (error) {
        expect((error as Error).name).toBe('LayerRefusal');
        return;
      }
      expect(new Set(made).size).toBe(made.length);
      for (const path of made) {
        expect(path).toMatch(/^[abcx]([/][abcx])*$/);
        const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        if (above !== '') expect(made).toContain(above);
      }
    }),
    { numRuns: 500 },
  );
});
