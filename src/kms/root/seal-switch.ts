import { renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { equalBytes, wipe } from '../../crypto/index.ts';
import type { Failpoints } from '../../runtime/index.ts';
import { readPlain, sealRecordAt } from './open-root-key.ts';
import { syncDirectory, writeDurably } from './private-file.ts';
import { RootKeyError } from './root-key-error.ts';
import { composeRootKeyFile, type PlainRootKey } from './root-key-file.ts';
import { composeSealRecord, type SealSource } from './seals/seal-record.ts';
import { openSealer, type SealerPorts, type SealSecrets } from './seals/seal-secrets.ts';
import { openWith, sealWith } from './seals/sealer.ts';

export interface SealSwitchOptions {
  /** The root key's. */
  readonly path: string;
  readonly failpoints: Failpoints;
}

export interface SealDraftOptions extends SealSwitchOptions, SealerPorts {
  readonly secrets: SealSecrets;
}

const draftOf = (path: string): string => `${path}.next`;

/**
 * Writes a new seal of `key` beside the one in force, and opens it from the disk by secrets read
 * anew. The draft of a process that ended before its switch is overwritten.
 *
 * @throws RootKeyError, with nothing left behind
 */
export async function draftSeal(
  to: SealSource,
  key: PlainRootKey,
  options: SealDraftOptions,
): Promise<void> {
  const draft = draftOf(options.path);
  const content = await sealed(to, key, options);
  options.failpoints('beforeRootSeal');
  rmSync(draft, { force: true });
  try {
    writeDurably(draft, content);
    options.failpoints('afterRootSealWritten');
    await verify(to, key, options);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    wipe(content);
  }
}

/** Puts the draft in force: durable when it returns. */
export function switchSeal({ path, failpoints }: SealSwitchOptions): void {
  const directory = dirname(resolve(path));
  syncDirectory(directory);
  failpoints('beforeRootSealRename');
  renameSync(draftOf(path), path);
  syncDirectory(directory);
  failpoints('afterRootSealRename');
}

export function removeDraft(path: string): void {
  rmSync(draftOf(path), { force: true });
}

async function sealed(
  to: SealSource,
  key: PlainRootKey,
  options: SealDraftOptions,
): Promise<Uint8Array> {
  if (to === 'file') return composeRootKeyFile(key);
  const sealer = await openSealer(to, options.secrets, options);
  try {
    return composeSealRecord(await sealWith(sealer, key));
  } finally {
    sealer.close();
  }
}

async function verify(to: SealSource, key: PlainRootKey, options: SealDraftOptions): Promise<void> {
  const draft = draftOf(options.path);
  const again = to === 'file' ? readPlain(draft) : await reopened(to, options);
  const isSame = again.id === key.id && equalBytes(again.bytes, key.bytes);
  wipe(again.bytes);
  if (!isSame) throw new RootKeyError(`the new seal ${draft} does not give the root key back`);
}

async function reopened(
  to: Exclude<SealSource, 'file'>,
  options: SealDraftOptions,
): Promise<PlainRootKey> {
  const draft = draftOf(options.path);
  const record = sealRecordAt(draft);
  if (record === null) throw new RootKeyError(`the new seal ${draft} was changed on its way`);
  const sealer = await openSealer(to, options.secrets, options);
  try {
    return await openWith(sealer, record, draft);
  } finally {
    sealer.close();
  }
}
