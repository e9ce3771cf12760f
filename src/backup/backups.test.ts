import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { noFailpoints, silentLogger } from '../runtime/index.ts';
import {
  type DataSource,
  lockDataDir,
  openLmdbKeyStore,
  openLmdbStore,
  segmentKinds,
  type KeyStore,
  type Store,
} from '../storage/index.ts';
import { Backups } from './backups.ts';
import { noOpenSources, type OpenSources, type RootKeyIds } from './backup-sources.ts';
import { checkBackup, copyIdOf, requireWholeDirectory, restoreBackup } from './restore.ts';

const clock = new VirtualClock();
const ports = { clock, log: silentLogger, failpoints: noFailpoints, reserveBytes: 4096 };
const objectName = `ab${'0'.repeat(62)}`;

let folder: string;
let dataDir: string;
let keysDir: string;
let store: Store & DataSource;
let keys: KeyStore;
let open: OpenSources;
let rootKey: RootKeyIds | null;
let backups: Backups;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-backups-'));
  dataDir = join(folder, 'data');
  keysDir = join(folder, 'data-keys');
  mkdirSync(keysDir);
  rootKey = { id: 'a'.repeat(32), previousId: null };
  const opened = await openLmdbStore({ ...ports, dataDir });
  store = opened;
  const body = new Uint8Array(300_000).fill(7);
  const base = { log: 1, epoch: 0, count: 1, timeMs: 1, kind: segmentKinds.messages, body };
  await store.commit([{ ...base, at: 0, id: new Uint8Array(16).fill(1) }]);
  const openedKeys = await openLmdbKeyStore({ ...ports, path: join(dataDir, 'keys') });
  keys = openedKeys;
  await keys.txn([], [{ key: 'dek/1', value: Uint8Array.of(1) }]);
  open = noOpenSources();
  open.keys = openedKeys;
  open.data.set('store', opened);
  mkdirSync(join(dataDir, 'vault', 'objects', 'ab'), { recursive: true });
  writeFileSync(join(dataDir, 'vault', 'objects', 'ab', objectName), 'sealed layer');
  writeFileSync(join(dataDir, 'vault', 'objects', 'ab', `${objectName}.index`), 'its index');
  const parts = { dataDir, keysDir, open, clock, version: '1.2.3', rootKey: () => rootKey };
  backups = new Backups(parts, silentLogger);
});
afterEach(async () => {
  await backups.stop();
  await store.close();
  await keys.close();
  rmSync(folder, { recursive: true, force: true });
});

const record = async (): Promise<void> => undefined;

/** Resolves to the report of its end. */
async function backUp(directory: string): Promise<ReturnType<Backups['report']>> {
  await backups.start(directory, record);
  while (backups.report().state === 'running') await stat(folder);
  return backups.report();
}

/** Holds the data's copy until `goOn`, so that a test can look at a backup that is under way. */
function holdCopy(): { readonly begun: Promise<void>; readonly goOn: () => void } {
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const source = open.data.get('store')!;
  open.data.set('store', {
    snapshot: async () => {
      const snapshot = await source.snapshot();
      return {
        bytes: snapshot.bytes,
        release: () => snapshot.release(),
        copyTo: async (path, afterPiece) => {
          begun.resolve();
          await held.promise;
          return snapshot.copyTo(path, afterPiece);
        },
      };
    },
  });
  return { begun: begun.promise, goOn: () => held.resolve() };
}

const restore = (backup: string, to: string): Promise<unknown> => {
  const entropy = new SeededEntropy(to.length);
  return restoreBackup({ backup, dataDir: to, clock, entropy, progress: () => undefined });
};

describe('a backup', () => {
  test('holds data, keys and objects, and is restored to the same', async () => {
    const backup = join(folder, 'b');
    expect(await backUp(backup)).toMatchObject({ state: 'done', directory: backup, error: null });
    const { files, ...manifest } = await checkBackup(backup, () => undefined);
    expect(files.map(({ path }) => path)).toEqual([
      'keys/data.mdb',
      'store/data.mdb',
      `vault/objects/ab/${objectName}`,
      `vault/objects/ab/${objectName}.index`,
    ]);
    expect(manifest).toMatchObject({ format: 1, version: '1.2.3', rootKeyId: rootKey!.id });
    const to = join(folder, 'restored');
    await restore(backup, to);
    requireWholeDirectory(to);
    const again = await openLmdbStore({ ...ports, dataDir: to });
    expect(await again.read(1, 0, 1e9)).toHaveLength(1);
    await again.close();
    const object = join('vault', 'objects', 'ab', objectName);
    expect(readFileSync(join(to, object), 'utf8')).toBe('sealed layer');
  });

  test('has the keys of its begin, and objects that were collected meanwhile', async () => {
    const { begun, goOn } = holdCopy();
    await backups.start(join(folder, 'b'), record);
    await begun;
    await keys.txn([], [{ key: 'dek/1', value: null }]);
    rmSync(join(dataDir, 'vault', 'objects'), { recursive: true });
    goOn();
    while (backups.report().state === 'running') await stat(folder);
    expect(backups.report()).toMatchObject({ state: 'done' });
    await restore(join(folder, 'b'), join(folder, 'restored'));
    const path = join(folder, 'restored', 'keys');
    const copied = await openLmdbKeyStore({ ...ports, path });
    expect(await copied.get('dek/1')).not.toBeNull();
    await copied.close();
    expect(existsSync(join(dataDir, 'vault', 'staging', 'backup'))).toBe(false);
  });

  test('fixes data first, keys second, the audit log last; no key is written between', async () => {
    const copiedKeys = join(folder, 'b.partial', 'keys', 'data.mdb');
    const seen: [string, boolean][] = [];
    const source = open.data.get('store')!;
    let late: Promise<unknown> = Promise.resolve();
    for (const name of ['audit/store', 'vault/store', 'store'] as const) {
      open.data.set(name, {
        snapshot: () => {
          seen.push([name, existsSync(copiedKeys)]);
          if (name === 'store') {
            // Of a message that comes after the snapshot: to be missing with it.
            late = keys.txn([], [{ key: 'dek/2', value: Uint8Array.of(2) }]);
          }
          return source.snapshot();
        },
      });
    }
    expect((await backUp(join(folder, 'b'))).state).toBe('done');
    await late;
    expect(seen).toEqual([
      ['store', false],
      ['vault/store', false],
      ['audit/store', true],
    ]);
    await restore(join(folder, 'b'), join(folder, 'restored'));
    const path = join(folder, 'restored', 'keys');
    const copied = await openLmdbKeyStore({ ...ports, path });
    expect((await copied.list('dek/')).map(({ key }) => key)).toEqual(['dek/1']);
    await copied.close();
    expect(await keys.get('dek/2')).not.toBeNull();
  });

  test('is one at a time, can be stopped, and leaves nothing then', async () => {
    expect(() => backups.report()).toThrow('No backup was made');
    const { begun, goOn } = holdCopy();
    await backups.start(join(folder, 'b'), record);
    await begun;
    await expect(backups.start(join(folder, 'c'), record)).rejects.toThrow('under way');
    expect(readdirSync(folder)).toContain('b.partial');
    const stopped = backups.stop();
    goOn();
    await stopped;
    expect(backups.report()).toMatchObject({ state: 'stopped', error: null });
    expect(readdirSync(folder).toSorted()).toEqual(['data', 'data-keys']);
    expect((await backUp(join(folder, 'b'))).state).toBe('done');
  });

  test('that cannot be recorded is not begun', async () => {
    const refusal = new Error('the audit log is full');
    const start = backups.start(join(folder, 'b'), () => Promise.reject(refusal));
    await expect(start).rejects.toBe(refusal);
    expect(readdirSync(folder).toSorted()).toEqual(['data', 'data-keys']);
    expect((await backUp(join(folder, 'b'))).state).toBe('done');
  });

  test('is refused while the root key is being replaced, before or amid it', async () => {
    rootKey = { id: 'b'.repeat(32), previousId: 'a'.repeat(32) };
    const refused = { state: 'failed', error: expect.stringContaining('is being replaced') };
    expect(await backUp(join(folder, 'b'))).toMatchObject(refused);
    let asked = 0;
    const changing = new Backups(
      {
        dataDir,
        keysDir,
        open,
        clock,
        version: '1',
        rootKey: () => ({ id: String(++asked), previousId: null }),
      },
      silentLogger,
    );
    await changing.start(join(folder, 'b'), record);
    while (changing.report().state === 'running') await stat(folder);
    expect(changing.report()).toMatchObject(refused);
    expect(readdirSync(folder).toSorted()).toEqual(['data', 'data-keys']);
  });

  test('names the file at which it fails, and the server keeps its own', async () => {
    const source = open.data.get('store')!;
    open.data.set('store', {
      snapshot: async () => {
        const snapshot = await source.snapshot();
        const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
          code: 'ENOSPC',
        });
        return { ...snapshot, copyTo: () => Promise.reject(full) };
      },
    });
    const { state, error } = await backUp(join(folder, 'b'));
    expect([state, error]).toEqual([
      'failed',
      `${join(folder, 'b')}: ENOSPC: no space left on device, write`,
    ]);
    expect(readdirSync(folder).toSorted()).toEqual(['data', 'data-keys']);
    expect(await store.read(1, 0, 10)).toHaveLength(1);
  });
});

describe('the directory of a backup', () => {
  const refused = async (directory: string): Promise<string> => {
    const error = await backups.start(directory, record).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'RpcError' });
    return (error as Error).message;
  };

  test('is an absolute path outside data and keys, by whatever way it is named', async () => {
    expect(await refused('backup')).toContain('absolute path');
    expect(await refused('/a\0b')).toContain('absolute path');
    expect(await refused(join(dataDir, 'b'))).toContain('inside the data directory');
    expect(await refused(`${folder}/x/../data/b`)).toContain('inside the data directory');
    expect(await refused(join(keysDir, 'b'))).toContain('inside the directory of the root key');
    symlinkSync(dataDir, join(folder, 'elsewhere'));
    expect(await refused(join(folder, 'elsewhere', 'b'))).toContain('inside the data directory');
    expect(await refused(join(folder, 'no', 'where'))).toContain('is no directory');
  });

  test('is never there already, not even as a link to nowhere', async () => {
    for (const name of ['empty', 'file', 'link']) {
      if (name === 'empty') mkdirSync(join(folder, name));
      if (name === 'file') writeFileSync(join(folder, name), '');
      if (name === 'link') symlinkSync(join(folder, 'nowhere'), join(folder, name));
      expect(await refused(join(folder, name))).toContain('exists already');
    }
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  test('takes the place of an unfinished backup, and of nothing else', async () => {
    const partial = join(folder, 'b.partial');
    mkdirSync(partial);
    writeFileSync(join(partial, 'letters.txt'), 'dear');
    expect(await refused(join(folder, 'b'))).toContain('no unfinished backup');
    rmSync(partial, { recursive: true });
    symlinkSync(dataDir, partial);
    expect(await refused(join(folder, 'b'))).toContain('no unfinished backup');
    rmSync(partial);
    mkdirSync(join(partial, 'store'), { recursive: true });
    writeFileSync(join(partial, 'store', 'data.mdb'), 'half');
    writeFileSync(join(partial, 'backup-unfinished'), '');
    expect((await backUp(join(folder, 'b'))).state).toBe('done');
    expect(readdirSync(join(folder, 'b')).toSorted()).toEqual([
      'backup.json',
      'backup.json.sha256',
      'keys',
      'store',
      'vault',
    ]);
  });

  test('is that of one process alone', async () => {
    const partial = join(folder, 'b.partial');
    const other = await lockDataDir(partial, 'backup');
    const error = await backups.start(join(folder, 'b'), record).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      reason: 'BACKUP_RUNNING',
      message: expect.stringContaining('in use by'),
    });
    other.release();
    expect((await backUp(join(folder, 'b'))).state).toBe('done');
  });
});

describe('a restore', () => {
  test('is refused by name for each file of which one bit differs, or which is gone', async () => {
    const backup = join(folder, 'b');
    await backUp(backup);
    const { files } = await checkBackup(backup, () => undefined);
    const all = [...files.map(({ path }) => path), 'backup.json', 'backup.json.sha256'];
    for (const [i, path] of all.entries()) {
      const file = join(backup, path);
      const bytes = readFileSync(file);
      const changed = Buffer.from(bytes);
      const at = Math.floor((bytes.length * (i + 1)) / (all.length + 1));
      changed[at] = changed[at]! ^ 1;
      writeFileSync(file, changed);
      const named = expect.stringContaining(path);
      const damaged = { reason: 'BACKUP_DAMAGED', message: named };
      await expect(checkBackup(backup, () => undefined)).rejects.toMatchObject(damaged);
      const to = join(folder, `restored-${i}`);
      await expect(restore(backup, to)).rejects.toMatchObject(damaged);
      // Nothing is left that a server could be started on.
      expect(existsSync(to) ? readdirSync(to) : []).toEqual([]);
      rmSync(file);
      await expect(checkBackup(backup, () => undefined)).rejects.toThrow(path);
      writeFileSync(file, bytes);
    }
    await checkBackup(backup, () => undefined);
  });

  test('goes to a new directory alone', async () => {
    const backup = join(folder, 'b');
    await backUp(backup);
    await expect(restore(backup, dataDir)).rejects.toThrow('is not empty');
    writeFileSync(join(folder, 'file'), '');
    await expect(restore(backup, join(folder, 'file'))).rejects.toThrow('is no directory');
    mkdirSync(join(folder, 'empty'));
    await restore(backup, join(folder, 'empty'));
    await expect(restore(backup, join(folder, 'empty'))).rejects.toThrow('is not empty');
    await expect(restore(folder, join(folder, 'new'))).rejects.toThrow('no whole backup');
  });

  test('that did not reach its end is told to whoever starts there', async () => {
    const backup = join(folder, 'b');
    await backUp(backup);
    const to = join(folder, 'restored');
    const entropy = new SeededEntropy(1);
    let isTold = false;
    const progress = (): void => {
      isTold ||= true;
      expect(() => requireWholeDirectory(to)).toThrow('was not restored to its end');
    };
    await restoreBackup({ backup, dataDir: to, clock, entropy, progress });
    expect(isTold).toBe(true);
    requireWholeDirectory(to);
  });

  test('writes nothing where no file of a backup lies, whatever a manifest says', async () => {
    const backup = join(folder, 'b');
    await backUp(backup);
    for (const path of ['../escaped', 'owner', '/etc/x', 'store/../../x', 'restored']) {
      const text = readFileSync(join(backup, 'backup.json'), 'utf8');
      const forged = text.replace('"keys/data.mdb"', JSON.stringify(path));
      const { createHash } = await import('node:crypto');
      const sum = createHash('sha256').update(forged).digest('hex');
      writeFileSync(join(backup, 'backup.json'), forged);
      writeFileSync(join(backup, 'backup.json.sha256'), `${sum}  backup.json\n`);
      const damaged = { reason: 'BACKUP_DAMAGED' };
      await expect(restore(backup, join(folder, 'new'))).rejects.toMatchObject(damaged);
      writeFileSync(join(backup, 'backup.json'), text);
    }
  });

  test('makes a copy that tells itself from every other', async () => {
    const backup = join(folder, 'b');
    await backUp(backup);
    expect(copyIdOf(dataDir)).toBe('');
    const ids = new Set<string>();
    for (const name of ['one', 'other']) {
      await restore(backup, join(folder, name));
      ids.add(copyIdOf(join(folder, name)));
    }
    expect(ids.size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});
