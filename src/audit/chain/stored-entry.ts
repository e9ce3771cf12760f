import { createHash } from 'node:crypto';

import { type AeadKey, associatedData, openRecord, sealRecord } from '../../crypto/index.ts';
import type { Entropy } from '../../runtime/index.ts';
import type { AuditEntry, AuditKind, LoggedEntry } from '../audit-entry.ts';

/** The two logs that are kept, each with a retention of its own. System events are activity. */
export type ChainName = 'activity' | 'data_access';

export const chainNames: readonly ChainName[] = ['activity', 'data_access'];

export function chainOf(kind: AuditKind): ChainName {
  return kind === 'data_access' ? 'data_access' : 'activity';
}

/** Log ids in the store of the audit log; stored for ever. */
export const chainLogs: Readonly<Record<ChainName, number>> = { activity: 1, data_access: 2 };

const prefixes: Readonly<Record<ChainName, string>> = { activity: 'a', data_access: 'd' };
const insertIdDigits = 14;
const version = 1;
export const hashBytes = 32;
const contentAt: number = 1 + hashBytes;
const utf8 = new TextEncoder();

/** What the first entry of a log follows. */
export const noHash: Uint8Array = new Uint8Array(hashBytes);

/** Of an entry's segment, all of it associated data: changed or moved, the entry does not open. */
export interface EntryPlace {
  readonly chain: ChainName;
  readonly sequence: number;
  readonly base: number;
  readonly count: number;
  readonly epoch: number;
  readonly timeMs: number;
  readonly segmentId: Uint8Array;
}

/** An entry as the chain holds it. `content` is what is hashed, UTF-8 of JSON. */
export interface ChainedEntry {
  readonly previous: Uint8Array;
  readonly content: Uint8Array;
}

/** An insert id orders as the log does: `a` or `d`, and the sequence in 14 hexadecimal digits. */
export function insertIdOf(chain: ChainName, sequence: number): string {
  return prefixes[chain] + sequence.toString(16).padStart(insertIdDigits, '0');
}

/** SHA-256(previous hash ‖ content): the hash of an entry, which the next one holds. */
export function entryHash({ previous, content }: ChainedEntry): Uint8Array {
  return new Uint8Array(createHash('sha256').update(previous).update(content).digest());
}

/** The one spelling of an entry's content: members in this order, absent ones left out. */
export function contentOf(entry: LoggedEntry, id: string | undefined): Uint8Array {
  const { insertId, timeMs, kind, project, serviceName, methodName, resourceName } = entry;
  const { resource, caller, authorization, reason, request, response, metadata, status } = entry;
  const place = { insertId, timeMs, ...(id === undefined ? {} : { id }) };
  const what = { kind, project, serviceName, methodName, resourceName, resource };
  const rest = { caller, authorization, reason, request, response, metadata, status };
  return utf8.encode(JSON.stringify({ ...place, ...what, ...rest }));
}

/** The entry of a content and the id under which it was appended. Null if it is none. */
export function entryOf(content: Uint8Array): { entry: LoggedEntry; id: string | null } | null {
  try {
    const { id, ...entry } = JSON.parse(Buffer.from(content).toString()) as LoggedEntry & {
      readonly id?: string;
    };
    return { entry, id: id ?? null };
  } catch {
    return null;
  }
}

/** Seals version (u8) ‖ previous hash (32) ‖ content for its place. */
export function sealEntry(
  key: AeadKey,
  entry: ChainedEntry,
  place: EntryPlace,
  entropy: Entropy,
): Uint8Array {
  const plaintext = new Uint8Array(contentAt + entry.content.length);
  plaintext[0] = version;
  plaintext.set(entry.previous, 1);
  plaintext.set(entry.content, contentAt);
  return sealRecord(key, contextOf(place), plaintext, entropy);
}

/** Null unless it is what was sealed for this very place. */
export function openEntry(
  key: AeadKey,
  sealed: Uint8Array,
  place: EntryPlace,
): ChainedEntry | null {
  const plaintext = openRecord(key, contextOf(place), sealed);
  if (plaintext === null || plaintext[0] !== version) return null;
  return { previous: plaintext.subarray(1, contentAt), content: plaintext.subarray(contentAt) };
}

/** log u64 ‖ sequence u64 ‖ base u64 ‖ count u32 ‖ epoch u32 ‖ time u64, and the segment's id. */
function contextOf(place: EntryPlace): Uint8Array {
  const { chain, sequence, base, count, epoch, timeMs, segmentId } = place;
  const fixed = new Uint8Array(40);
  const view = new DataView(fixed.buffer);
  view.setBigUint64(0, BigInt(chainLogs[chain]));
  view.setBigUint64(8, BigInt(sequence));
  view.setBigUint64(16, BigInt(base));
  view.setUint32(24, count);
  view.setUint32(28, epoch);
  view.setBigUint64(32, BigInt(timeMs));
  return associatedData(['sealpost/audit/entry/v1', fixed, segmentId]);
}

/** What of an entry makes up the rest: never above what Google takes, 256 KiB of JSON. */
const contentBytesMax = 256 * 1024;

/** The entry, without its largest members if they would make it too large to be kept. */
export function boundedEntry(entry: AuditEntry): AuditEntry {
  if (sizeOf(entry) <= contentBytesMax) return entry;
  const omitted = { 'sealpost-omitted': 'It was too large for the audit log.' };
  const { request, response, metadata, ...rest } = entry;
  const small = {
    ...rest,
    ...(request === undefined ? {} : { request: omitted }),
    ...(response === undefined ? {} : { response: omitted }),
  };
  const whole = { ...small, ...(metadata === undefined ? {} : { metadata }) };
  return sizeOf(whole) <= contentBytesMax ? whole : { ...small, metadata: omitted };
}

function sizeOf(entry: AuditEntry): number {
  return Buffer.byteLength(JSON.stringify(entry));
}
