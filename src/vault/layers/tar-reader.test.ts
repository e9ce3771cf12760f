import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { makeTar, type TarEntry } from '../../../test/support/oci-image.ts';
import { defaultLayerLimits, type LayerEntry, type LayerLimits } from './layer-entry.ts';
import { TarReader } from './tar-reader.ts';

function read(tar: Uint8Array, limits: Partial<LayerLimits> = {}, step = 700): LayerEntry[] {
  const entries: LayerEntry[] = [];
  const reader = new TarReader({ ...defaultLayerLimits, ...limits }, (entry) =>
    entries.push(entry),
  );
  for (let at = 0; at < tar.length; at += step) reader.push(tar.subarray(at, at + step));
  reader.end();
  return entries;
}

/** One header as it is on the tape, with its checksum. */
function header(fields: {
  readonly name?: string | Uint8Array;
  readonly flag?: string;
  readonly size?: number | string;
  readonly linkname?: string;
  readonly magic?: string;
  readonly uid?: string;
  readonly mtime?: string;
}): Buffer {
  const block = Buffer.alloc(512);
  const { name = 'a', flag = '0', size = 0, linkname = '', uid = '0000000\0' } = fields;
  block.set(Buffer.from(name as string), 0);
  block.write('0000644\0', 100);
  block.write(uid, 108, 'latin1');
  block.write('0000000\0', 116);
  const sizeText = typeof size === 'number' ? `${size.toString(8).padStart(11, '0')}\0` : size;
  block.write(sizeText, 124, 'latin1');
  block.write(fields.mtime ?? '00000000000\0', 136, 'latin1');
  block.write(flag, 156, 'latin1');
  block.write(linkname, 157);
  block.write(fields.magic ?? 'ustar\u000000', 257, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(data: Buffer | string): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const zeros: Buffer = Buffer.alloc(1024);

function pax(...records: readonly string[]): Buffer {
  const lines = records.map((record) => {
    const rest = Buffer.byteLength(record) + 2;
    const digits = String(rest + String(rest + 1).length).length;
    return `${rest + digits} ${record}\n`;
  });
  const body = lines.join('');
  return Buffer.concat([header({ flag: 'x', size: Buffer.byteLength(body) }), padded(body)]);
}

function tape(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, zeros]);
}

describe('what builders write', () => {
  test('every kind of entry, with the place of its content', async () => {
    const tar = await makeTar([
      { name: './', type: 'directory', mode: 0o755 },
      { name: 'a/b', data: 'hello', mode: 0o4755, uid: 1, gid: 2 },
      { name: 'hard', type: 'link', linkname: './a/b' },
      { name: 'soft', type: 'symlink', linkname: '../../x' },
      { name: 'null', type: 'character-device' },
      { name: 'a/.wh.gone', data: '' },
      { name: 'a/.wh..wh..opq', data: '' },
    ]);
    const entries = read(tar);
    expect(entries.map(({ type, path, linkname }) => [type, path, linkname])).toEqual([
      ['directory', '', ''],
      ['file', 'a/b', ''],
      ['hardlink', 'hard', 'a/b'],
      ['symlink', 'soft', '../../x'],
      ['character', 'null', ''],
      ['whiteout', 'a/gone', ''],
      ['opaque', 'a', ''],
    ]);
    const { offset, size, mode, uid, gid } = entries[1]!;
    expect([mode, uid, gid]).toEqual([0o4755, 1, 2]);
    expect(tar.subarray(offset, offset + size).toString()).toBe('hello');
  });

  test('names beyond the header by pax, and attributes and times with them', () => {
    const path = `${'d'.repeat(200)}/${'é'.repeat(100)}`;
    const extension = pax(
      `path=${path}`,
      'mtime=12.5',
      'size=3',
      'SCHILY.xattr.security.capability=\u0001',
    );
    const tar = tape(extension, header({ size: 0 }), padded('abc'));
    expect(read(tar)).toMatchObject([
      { path, mtime: 12.5, size: 3, xattrs: ['security.capability'], offset: 1536 },
    ]);
  });

  test("names beyond the header in GNU's way", () => {
    const long = 'n'.repeat(150);
    const longHeader = header({ name: '././@LongLink', flag: 'L', size: long.length + 1 });
    const tar = tape(longHeader, padded(`${long}\0`), header({ magic: 'ustar  \0' }));
    expect(read(tar)).toMatchObject([{ path: long }]);
  });

  test('numbers in binary, and old headers without a magic', () => {
    const size = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]).toString('latin1');
    const tar = tape(header({ size, magic: '\0\0\0\0\0\0\0\0' }), padded('hello'));
    expect(read(tar)).toMatchObject([{ path: 'a', size: 5 }]);
  });

  test('a global header with a comment, a tar without its two blocks of zeros, and no tar at all', () => {
    const body = '52 comment=0123456789012345678901234567890123456789\n';
    const global = Buffer.concat([header({ flag: 'g', size: body.length }), padded(body)]);
    expect(read(Buffer.concat([global, header({})]))).toHaveLength(1);
    expect(read(Buffer.alloc(0))).toEqual([]);
    expect(read(zeros)).toEqual([]);
  });

  test('is found however the bytes are cut', async () => {
    const tar = await makeTar([
      { name: `${'p/'.repeat(80)}file`, data: 'x'.repeat(1500) },
      { name: 'b', data: 'y'.repeat(512) },
      { name: 'c', type: 'symlink', linkname: 'l'.repeat(150) },
    ]);
    const whole = read(tar, {}, tar.length);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), (step) => {
        expect(read(tar, {}, step)).toEqual(whole);
      }),
    );
  });
});

describe('what is refused, with the entry and the rule', () => {
  const made: readonly (readonly [string, TarEntry, RegExp])[] = [
    ['an absolute path', { name: '/etc/passwd' }, /"\/etc\/passwd": a path may not be absolute/],
    ['a path that climbs', { name: 'a/../../x' }, /may not hold "\.\."/],
    ['a hard link that climbs', { name: 'a', type: 'link', linkname: '../x' }, /may not hold/],
    ['an absolute hard link', { name: 'a', type: 'link', linkname: '/x' }, /absolute/],
    ['a whiteout of nothing', { name: 'a/.wh.' }, /must name what it removes/],
    ['a whiteout of the folder above', { name: 'a/.wh...' }, /must name what it removes/],
    ['a folder named like a whiteout', { name: '.wh.a/b' }, /named like a whiteout/],
    ['a root that is a file', { name: './', type: 'symlink', linkname: 'x' }, /root must be/],
    ['a name that is too long', { name: 'n'.repeat(256) }, /at most 255 bytes/],
    ['a path that is too long', { name: 'p/'.repeat(2049) }, /at most 4096 bytes/],
  ];
  test.each(made)('%s', async (_, entry, rule) => {
    await expect(makeTar([entry]).then((tar) => read(tar))).rejects.toThrow(rule);
  });

  test('a last file without its padding is whole, one without its last byte is not', () => {
    const file = header({ size: 5 });
    expect(read(Buffer.concat([file, Buffer.from('12345')]))).toHaveLength(1);
    expect(read(Buffer.concat([file, Buffer.from('12345\0\0')]))).toHaveLength(1);
    expect(() => read(Buffer.concat([file, Buffer.from('1234')]))).toThrow(/ends amid an entry/);
  });

  const taped: readonly (readonly [string, Buffer, RegExp])[] = [
    ['a sparse file', tape(header({ flag: 'S' })), /sparse/],
    ['a sparse file of pax', tape(pax('GNU.sparse.major=1'), header({})), /sparse/],
    ['a kind that nobody knows', tape(header({ flag: 'V' })), /type "V" is not known/],
    ['a NUL in a name', tape(pax('path=a\0b'), header({})), /NUL/],
    ['a name that is not UTF-8', tape(header({ name: Uint8Array.of(0xff, 0x41) })), /UTF-8/],
    ['a wrong checksum', tape(Buffer.alloc(512, 'x')), /octal|checksum/],
    ['a size that is no number', tape(header({ size: '12x\0' })), /size is no octal/],
    ['a negative size', tape(header({ size: '\u00ff'.repeat(12) })), /size is no number/],
    ['a uid that is no number', tape(header({ uid: '9\0' })), /uid is no octal/],
    ['a time beyond all others', tape(pax(`mtime=${'9'.repeat(400)}`), header({})), /mtime is no/],
    ['a time that no file can have', tape(pax('mtime=-1e3'), header({})), /mtime is no/],
    ['the same in binary', tape(header({ mtime: `\u0080${'\u00ff'.repeat(11)}` })), /mtime is no/],
    ['a size that lies', header({ size: 4096 }), /ends amid an entry/],
    ['a size of pax that lies', tape(pax('size=9999999'), header({})), /ends amid an entry/],
    ['a size of pax that is none', tape(pax('size=-1'), header({})), /size is no number/],
    ['a size beyond what is allowed', tape(header({ size: 2 ** 33 - 1 }), zeros), /amid/],
    ['a header that is cut', header({}).subarray(0, 300), /ends amid/],
    ['an extended header of nothing', pax('path=x'), /after an extended header/],
    ['two extended headers', tape(pax('path=x'), pax('path=y'), header({})), /two extended/],
    ['a record that is there twice', tape(pax('path=x', 'path=y'), header({})), /twice/],
    [
      'records that do not add up',
      tape(header({ flag: 'x', size: 10 }), padded('99 path=x\n'), header({})),
      /does not add up/,
    ],
    [
      'a global header that renames',
      tape(header({ flag: 'g', size: 11 }), padded('11 path=zz\n'), header({})),
      /global extended header may not set path/,
    ],
    [
      'two names, of which readers take one each',
      tape(pax('path=x'), header({ flag: 'L', size: 2 }), padded('y\0'), header({})),
      /name it differently/,
    ],
    ['a huge extended header', tape(header({ flag: 'x', size: 2 ** 21 })), /too large/],
    ['an entry after a block of zeros', Buffer.concat([zeros.subarray(512), header({})]), /zeros/],
  ];
  test.each(taped)('%s', (_, bytes, rule) => {
    expect(() => read(bytes)).toThrow(rule);
  });

  test('more entries than are allowed', async () => {
    const tar = await makeTar(Array.from({ length: 11 }, (_, index) => ({ name: `f${index}` })));
    expect(() => read(tar, { entriesMax: 10 })).toThrow('at most 10 entries');
    expect(read(tar, { entriesMax: 11 })).toHaveLength(11);
  });

  test('what comes after the end is no entry', () => {
    expect(read(tape(header({}), zeros, header({ name: 'hidden' })))).toHaveLength(1);
  });

  test('no bytes make it fail otherwise, or find a path that leaves the root', () => {
    const blocks = fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 512, maxLength: 512 }).map((bytes) => Buffer.from(bytes)),
        fc.string({ maxLength: 90 }).map((name) => header({ name })),
        fc.string({ maxLength: 90 }).map((name) => pax(`path=../${name}`)),
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(blocks, (parts) => {
        try {
          for (const { path } of read(tape(...parts))) {
            expect(path.split('/')).not.toContain('..');
            expect(path.startsWith('/')).toBe(false);
          }
        } catch (error) {
          expect((error as Error).name).toBe('LayerRefusal');
        }
      }),
    );
  });
});
