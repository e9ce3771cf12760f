import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { associatedData, equalBytes, type SuiteProviders } from '../../crypto/index.ts';
import type { Entropy } from '../../runtime/index.ts';
import { readPrivateFile, syncDirectory, writeDurably } from './private-file.ts';
import { RecordKey } from './record-key.ts';
import { RootKeyError } from './root-key-error.ts';
import { type PlainRootKey, rootIdBytes } from './root-key-file.ts';

/**
 * The root key before the present one, wrapped by the present one: written before the switch to a
 * new key, removed when nothing is wrapped by the old one any more. So one seal opens a directory at
 * every moment. Beside a root key that was not switched yet it means nothing.
 *
 * File: magic line ‖ id of the new key (16) ‖ id of the old one (16) ‖ sealed old key ‖ SHA-256.
 */
const magic: Uint8Array = new TextEncoder().encode('sealpost root key previous v1\n');
const newIdAt: number = magic.length;
const oldIdAt: number = newIdAt + rootIdBytes;
const sealedAt: number = oldIdAt + rootIdBytes;
const digestBytes = 32;
const fileBytesMax = 1024;

export interface PreviousPorts {
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
}

const pathOf = (path: string): string => `${path}.previous`;

/** Durable when it returns. Replaces what a switch that never came left behind. */
export function writePrevious(
  path: string,
  previous: PlainRootKey,
  present: PlainRootKey,
  ports: PreviousPorts,
): void {
  const key = new RecordKey(present.bytes, ports.suites, ports.entropy);
  const sealed = key.seal(contextOf(present.id, previous.id), previous.bytes);
  key.destroy();
  const content = new Uint8Array(sealedAt + sealed.length + digestBytes);
  content.set(magic);
  content.set(Buffer.from(present.id + previous.id, 'hex'), newIdAt);
  content.set(sealed, sealedAt);
  const digestAt = content.length - digestBytes;
  content.set(digestOf(content.subarray(0, digestAt)), digestAt);
  rmSync(pathOf(path), { force: true });
  writeDurably(pathOf(path), content);
  syncDirectory(dirname(resolve(path)));
}

/**
 * The key before `present`, if something may still be wrapped by it. The caller wipes it.
 *
 * @throws RootKeyError if the file is damaged
 */
export function readPrevious(
  path: string,
  present: PlainRootKey,
  ports: PreviousPorts,
): PlainRootKey | null {
  if (!existsSync(pathOf(path))) return null;
  const content = readPrivateFile(pathOf(path), fileBytesMax);
  const digestAt = content.length - digestBytes;
  const isWhole =
    digestAt > sealedAt &&
    equalBytes(content.subarray(0, newIdAt), magic) &&
    equalBytes(digestOf(content.subarray(0, digestAt)), content.subarray(digestAt));
  if (!isWhole) throw damaged(path);
  if (hex(content.subarray(newIdAt, oldIdAt)) !== present.id) return null;
  const id = hex(content.subarray(oldIdAt, sealedAt));
  const key = new RecordKey(present.bytes, ports.suites, ports.entropy);
  const bytes = key.open(contextOf(present.id, id), content.subarray(sealedAt, digestAt));
  key.destroy();
  if (bytes === null) throw damaged(path);
  return { id, bytes };
}

/** The id of the key before `presentId`, as `readPrevious` would find it; opens nothing. */
export function previousIdAt(path: string, presentId: string): string | null {
  if (!existsSync(pathOf(path))) return null;
  const content = readPrivateFile(pathOf(path), fileBytesMax);
  const isOurs = hex(content.subarray(newIdAt, oldIdAt)) === presentId;
  return isOurs ? hex(content.subarray(oldIdAt, sealedAt)) : null;
}

/** Durable when it returns. */
export function removePrevious(path: string): void {
  rmSync(pathOf(path), { force: true });
  syncDirectory(dirname(resolve(path)));
}

function damaged(path: string): RootKeyError {
  return new RootKeyError(`root key ${pathOf(path)} is damaged: restore it from its copy`);
}

function contextOf(newId: string, oldId: string): Uint8Array {
  return associatedData(['sealpost/root-key/previous/v1', newId, oldId]);
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
