import { LayerRefusal } from './layer-entry.ts';
import { tarText } from './tar-header.ts';

/** What an extended header says of the next entry. An empty value takes an earlier one back. */
export type PaxRecords = ReadonlyMap<string, string>;

const xattrPrefix = 'SCHILY.xattr.';
const decided: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'mtime']);

/**
 * Reads the records of an extended header: `LENGTH KEY=VALUE\n`, where the length counts the
 * record's bytes, itself too (POSIX.1-2017 pax, "pax Header Block").
 *
 * @throws LayerRefusal for records that do not add up, and for GNU's sparse files
 */
export function decodePax(bytes: Uint8Array): PaxRecords {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const end = at + recordLength(bytes, at);
    const space = bytes.indexOf(0x20, at);
    const equals = bytes.indexOf(0x3d, space);
    if (end > bytes.length || equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw malformed();
    }
    addRecord(records, bytes.subarray(space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** A header for all entries to come may carry comments, nothing that would change one. */
export function checkGlobalPax(records: PaxRecords): void {
  const changing = [...records.keys()].find(
    (key) => decided.has(key) || key.startsWith(xattrPrefix),
  );
  if (changing === undefined) return;
  throw new LayerRefusal(`a global extended header may not set ${changing}`);
}

export function xattrNames(records: PaxRecords): readonly string[] {
  return [...records.keys()]
    .filter((key) => key.startsWith(xattrPrefix))
    .map((key) => key.slice(xattrPrefix.length));
}

/** A decimal number, as `size`, `uid` and `gid` are written; null if it is not said. */
export function paxInteger(records: PaxRecords, key: string, entry: string): number | null {
  const text = records.get(key);
  if (text === undefined) return null;
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new LayerRefusal(`its ${key} is no number that can be`, entry);
}

/** Seconds with a fraction; null if it is not said. */
export function paxTime(records: PaxRecords, entry: string): number | null {
  const text = records.get('mtime');
  if (text === undefined) return null;
  if (/^-?[0-9]+(\.[0-9]*)?$/.test(text)) return Number(text);
  throw new LayerRefusal('its mtime is no time that can be', entry);
}

function recordLength(bytes: Uint8Array, at: number): number {
  const text = Buffer.from(bytes.subarray(at, at + 20)).toString('latin1');
  const digits = /^([1-9][0-9]{0,9}) /.exec(text);
  if (digits === null) throw malformed();
  return Number(digits[1]);
}

function addRecord(records: Map<string, string>, keyBytes: Uint8Array, value: Uint8Array): void {
  const key = tarText(keyBytes);
  if (key.startsWith('GNU.sparse.')) throw new LayerRefusal('sparse files are not taken');
  if (records.has(key)) throw new LayerRefusal(`an extended header sets ${shownKey(key)} twice`);
  if (value.length === 0) return;
  // The values of extended attributes are bytes, and of no use here.
  records.set(key, key.startsWith(xattrPrefix) ? '' : tarText(value));
}

function shownKey(key: string): string {
  return JSON.stringify(key.slice(0, 60));
}

function malformed(): LayerRefusal {
  return new LayerRefusal('an extended header of the tar does not add up');
}
