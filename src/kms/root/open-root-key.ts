import { existsSync } from 'node:fs';
import { keyBytes, type SuiteProviders, wipe } from '../../crypto/index.ts';
import { type Clock, draw, type Entropy, type Logger } from '../../runtime/index.ts';
import { HeldRootKey } from './held-root-key.ts';
import { readPrevious } from './previous-root-key.ts';
import { readPrivateFile } from './private-file.ts';
import { RootKeyError } from './root-key-error.ts';
import {
  composeRootKeyFile,
  parseRootKeyFile,
  type PlainRootKey,
  rootIdBytes,
} from './root-key-file.ts';
import { placeFirst, refuseBesideData, refuseInside } from './root-key-place.ts';
import {
  composeSealRecord,
  isSealRecord,
  parseSealRecord,
  type SealRecord,
  sealRecordBytesMax,
  type SealSource,
} from './seals/seal-record.ts';
import { openSealer, type SealSecrets } from './seals/seal-secrets.ts';
import { openWith, sealWith } from './seals/sealer.ts';

export interface FileRootKeyOptions {
  /** The root key file; its directory is created with mode 0700, the file with 0600. */
  readonly path: string;
  /** The data directory, in which the file must not lie; need not exist yet. */
  readonly dataDir: string;
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
  readonly log: Logger;
}

export interface RootKeyOptions extends FileRootKeyOptions {
  /** `auto`: as the file says, and `file` for a new directory. Another than the file's is refused. */
  readonly source: SealSource | 'auto';
  readonly secrets: SealSecrets;
  readonly clock: Clock;
}

/**
 * Opens the root key, by whatever it is sealed by, or makes one if there is none and the data
 * directory is empty. Call it before anything is written to the data directory. Logs one warning
 * that says where the key is and what must be kept.
 *
 * @throws RootKeyError, one line that says what to do, with nothing created and nothing changed: the
 * file may be read by others, lies in the data directory, is damaged, or is missing beside data that
 * was sealed under it; its secret is missing, wrong or weak; its token is away or another one.
 */
export async function openRootKey(options: RootKeyOptions): Promise<HeldRootKey> {
  const { path, dataDir } = options;
  refuseInside(path, dataDir);
  const isNew = !existsSync(path);
  if (isNew) refuseBesideData(path, dataDir);
  const opened = isNew ? await createRootKey(options) : await readRootKey(options);
  return holdRootKey(opened, isNew, options);
}

/** As `openRootKey`, for a root key that nothing protects but the mode of its file. */
export function openFileRootKey(options: FileRootKeyOptions): HeldRootKey {
  const { path, dataDir, entropy } = options;
  refuseInside(path, dataDir);
  const isNew = !existsSync(path);
  if (isNew) {
    refuseBesideData(path, dataDir);
    const content = composeDrawn(drawRootKey(entropy));
    placeFirst(path, content, entropy);
    wipe(content);
  }
  return holdRootKey({ key: readPlain(path), source: 'file' }, isNew, options);
}

interface OpenedSeal {
  readonly key: PlainRootKey;
  readonly source: SealSource;
}

function holdRootKey(
  { key, source }: OpenedSeal,
  isNew: boolean,
  options: FileRootKeyOptions,
): HeldRootKey {
  const { path, log } = options;
  const previous = readPrevious(path, key, options);
  try {
    const held = new HeldRootKey(key, previous, options);
    const fields = { path, rootKeyId: key.id, source, created: isNew };
    log.warn(fields, `root key ${path}: ${advice[source]}`);
    return held;
  } finally {
    wipe(key.bytes);
    if (previous !== null) wipe(previous.bytes);
  }
}

const advice: Readonly<Record<SealSource, string>> = {
  file: 'keep a copy apart from the data; without it everything is lost',
  passphrase:
    'keep a copy apart from the data, and the passphrase; without both everything is lost',
  environment:
    'sealed by a variable, which others may see in /proc and in reports: prefer a credential; keep a copy of both',
  pkcs11: 'keep a copy apart from the data, and the token; without both everything is lost',
  'systemd-credential':
    'keep a copy apart from the data, and the credential; without both everything is lost',
};

export function drawRootKey(entropy: Entropy): PlainRootKey {
  const drawn = draw(entropy, rootIdBytes + keyBytes);
  const id = Buffer.from(drawn.subarray(0, rootIdBytes)).toString('hex');
  const bytes = drawn.slice(rootIdBytes);
  wipe(drawn);
  return { id, bytes };
}

function composeDrawn(key: PlainRootKey): Uint8Array {
  try {
    return composeRootKeyFile(key);
  } finally {
    wipe(key.bytes);
  }
}

async function createRootKey(options: RootKeyOptions): Promise<OpenedSeal> {
  const { path, entropy } = options;
  const source = options.source === 'auto' ? 'file' : options.source;
  if (source === 'file') {
    const content = composeDrawn(drawRootKey(entropy));
    placeFirst(path, content, entropy);
    wipe(content);
    return { key: readPlain(path), source };
  }
  const sealer = await openSealer(source, options.secrets, options);
  try {
    const key = drawRootKey(entropy);
    placeFirst(path, composeSealRecord(await sealWith(sealer, key)), entropy);
    wipe(key.bytes);
    // What is on disk now decides, also if another start was faster.
    return { key: await openWith(sealer, readRecord(path), path), source };
  } finally {
    sealer.close();
  }
}

async function readRootKey(options: RootKeyOptions): Promise<OpenedSeal> {
  const { path } = options;
  const source = sealSourceAt(path);
  if (options.source !== 'auto' && options.source !== source) {
    throw new RootKeyError(
      `root key ${path} is sealed by source ${source}, not ${options.source}: start with --root-key-source ${source}, or change it with sealpost root reseal`,
    );
  }
  if (source === 'file') return { key: readPlain(path), source };
  const sealer = await openSealer(source, options.secrets, options);
  try {
    return { key: await openWith(sealer, readRecord(path), path), source };
  } finally {
    sealer.close();
  }
}

/** What seals the root key there. @throws RootKeyError if it is damaged */
export function sealSourceAt(path: string): SealSource {
  return sealRecordAt(path)?.source ?? 'file';
}

/** The seal there; null if it is a plain file. @throws RootKeyError if it is damaged */
export function sealRecordAt(path: string): SealRecord | null {
  const content = readPrivateFile(path, sealRecordBytesMax);
  try {
    if (!isSealRecord(content)) return null;
    const record = parseSealRecord(content);
    if (record !== null) return record;
    throw damaged(path);
  } finally {
    wipe(content);
  }
}

function readRecord(path: string): SealRecord {
  const record = sealRecordAt(path);
  if (record === null) throw damaged(path);
  return record;
}

/** A root key whose source is `file`. The caller wipes it. @throws RootKeyError */
export function readPlain(path: string): PlainRootKey {
  const content = readPrivateFile(path, sealRecordBytesMax);
  try {
    if (isSealRecord(content)) {
      const source = parseSealRecord(content)?.source ?? 'a damaged record';
      throw new RootKeyError(`root key ${path} is sealed by source ${source}, not by a file alone`);
    }
    const key = parseRootKeyFile(content);
    if (key !== null) return key;
    throw damaged(path);
  } finally {
    wipe(content);
  }
}

function damaged(path: string): RootKeyError {
  return new RootKeyError(`root key ${path} is damaged: restore it from its copy`);
}
