import { resolve } from 'node:path';
import {
  ConfigError,
  parseConfig,
  processEnvironment,
  type ServerConfig,
} from '../../config/index.ts';
import { keptApart, liveLine, mebibytes, progressText } from './backup-lines.ts';

export type Progress = (bytes: number, totalBytes: number) => void;

/** What a backup says of itself, and what is known of its root key where it was restored. */
export interface RestoredBackup {
  readonly startTime: string;
  readonly version: string;
  readonly bytes: number;
  /** Null: the backup does not say. */
  readonly rootKeyId: string | null;
  readonly rootKeyPath: string;
  /** Of the file that is there; null: none is. */
  readonly foundRootKeyId: string | null;
}

/** Backups by files, with no server. Only the composition root can open them. */
export interface OfflineBackups {
  /** Returns the bytes that were written. */
  create(config: ServerConfig, directory: string, progress: Progress): Promise<number>;
  check(config: ServerConfig, backup: string, progress: Progress): Promise<RestoredBackup>;
  restore(config: ServerConfig, backup: string, progress: Progress): Promise<RestoredBackup>;
}

type Print = (line: string) => void;

const isNamed = (argv: readonly string[], name: string): boolean =>
  argv.some((each) => each === `--${name}` || each.startsWith(`--${name}=`));

export const isOfflineBackup = (argv: readonly string[]): boolean => isNamed(argv, 'data-dir');

/** `backup DIR --data-dir D`. Throws ConfigError for what it cannot read. */
export async function runOfflineBackup(
  argv: readonly string[],
  backups: OfflineBackups,
  stderr: NodeJS.WriteStream,
  print: Print,
): Promise<void> {
  const { place, rest } = placeIn(argv, backupUsage);
  const config = parseConfig(rest, processEnvironment());
  const directory = resolve(place);
  const bytes = await watched(stderr, (progress) => backups.create(config, directory, progress));
  print(`${directory}: ${mebibytes(bytes)} MiB, whole.`);
  print(keptApart);
}

/** `restore BACKUP --data-dir D` and `restore --check BACKUP`. Throws ConfigError. */
export async function runRestore(
  argv: readonly string[],
  backups: OfflineBackups,
  stderr: NodeJS.WriteStream,
  print: Print,
): Promise<void> {
  const isCheck = argv.includes('--check');
  const { place, rest } = placeIn(
    argv.filter((each) => each !== '--check'),
    restoreUsage,
  );
  if (!isCheck && !isNamed(rest, 'data-dir')) throw new ConfigError(restoreUsage);
  const config = parseConfig(rest, processEnvironment());
  const backup = resolve(place);
  const restored = await watched(stderr, (progress) =>
    isCheck ? backups.check(config, backup, progress) : backups.restore(config, backup, progress),
  );
  const { startTime, bytes } = restored;
  print(`${backup}: ${mebibytes(bytes)} MiB of ${startTime}, each file as it was written.`);
  if (isCheck) return print(`Its root key is ${restored.rootKeyId ?? 'not known'}.`);
  print(`Restored to ${config.dataDir}.`);
  for (const line of rootKeyLines(restored)) print(line);
}

/** What a start needs, and whether it is there. */
function rootKeyLines({ rootKeyId, rootKeyPath, foundRootKeyId }: RestoredBackup): string[] {
  const needed = rootKeyId ?? 'of the time of the backup';
  if (foundRootKeyId === null) {
    return [
      `A start needs the root key ${needed}, and ${rootKeyPath} is not there.`,
      `Put the copy of its file there (mode 0600, its directory 0700), and then start.`,
    ];
  }
  if (rootKeyId === null || foundRootKeyId === rootKeyId) {
    return [`The root key ${foundRootKeyId} is in ${rootKeyPath}.`];
  }
  return [
    `A start needs the root key ${needed}, and ${rootKeyPath} is another, ${foundRootKeyId}.`,
    'Name the directory of the right one with --keys-dir; do not overwrite this one.',
  ];
}

async function watched<T>(
  stderr: NodeJS.WriteStream,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const line = liveLine(stderr);
  let shown = '';
  const progress: Progress = (bytes, totalBytes) => {
    const text = progressText(bytes, totalBytes);
    if (text !== shown) line.show((shown = text));
  };
  return await work(progress).finally(() => line.clear());
}

const backupUsage = 'Usage: sealpost backup DIR --data-dir DATA_DIR [--keys-dir DIR]';
const restoreUsage =
  'Usage: sealpost restore BACKUP --data-dir NEW [--keys-dir DIR], or sealpost restore --check BACKUP';

/** The one word that is no flag and no value of one, and all others. */
function placeIn(argv: readonly string[], usage: string): { place: string; rest: string[] } {
  const rest: string[] = [];
  const places: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (!word.startsWith('--')) places.push(word);
    else {
      rest.push(word);
      if (!word.includes('=') && at + 1 < argv.length) rest.push(argv[++at]!);
    }
  }
  const [place] = places;
  if (place === undefined || places.length > 1) throw new ConfigError(usage);
  return { place, rest };
}

export const restoreHelp: string = `Usage: sealpost restore BACKUP --data-dir NEW [--keys-dir DIR]
       sealpost restore --check BACKUP

Write a backup to a new data directory, each file compared with what was written; or only compare.

  --data-dir NEW   Directory that is not there, or is empty.
  --keys-dir DIR   Where its root key is or will be; NEW-keys unless named.
  --check          Write nothing.

The root key is not in a backup: put the copy of its file in the keys directory before the start.`;
