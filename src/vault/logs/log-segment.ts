import { type AeadKey, associatedData, openRecord, sealRecord } from '../../crypto/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import { type Append, type Segment, segmentKinds } from '../../storage/index.ts';
import { type ServiceName, serviceNameOf } from '../services/service.ts';
import type { LoggedServiceEntry, ServiceLogEntry } from './service-logs.ts';

/** An entry but for the service, which its log says. */
export type StoredLine = Omit<ServiceLogEntry, 'revision'> & { readonly revisionId: string };

/** Nobody else writes these logs, so their epoch never moves. */
const epoch = 0;
const idBytes = 16;
const utf8 = new TextEncoder();

/** Lines as the next segment of a service's log, all sealed together under the store key. */
export function sealLines(
  lines: readonly StoredLine[],
  at: { readonly service: ServiceName; readonly log: number; readonly next: number },
  how: { readonly key: AeadKey; readonly entropy: Entropy },
): Append {
  const { log, next, service } = at;
  const id = draw(how.entropy, idBytes);
  const timeMs = lines.at(-1)?.timeMs ?? 0;
  const place = { log, base: next, count: lines.length, epoch, timeMs, id };
  const plain = utf8.encode(JSON.stringify(lines));
  const body = sealRecord(how.key, contextOf(service, place), plain, how.entropy);
  return {
    log,
    at: next,
    epoch,
    id,
    count: lines.length,
    timeMs,
    kind: segmentKinds.serviceLog,
    body,
  };
}

/** The entries of a stored segment; null if it is not what was sealed for this place. */
export function openLines(
  segment: Segment,
  service: ServiceName,
  key: AeadKey,
): readonly LoggedServiceEntry[] | null {
  if (segment.kind !== segmentKinds.serviceLog) return null;
  const plain = openRecord(key, contextOf(service, segment), segment.body);
  if (plain === null) return null;
  const lines = JSON.parse(Buffer.from(plain).toString()) as StoredLine[];
  const { project, location, serviceId } = service;
  return lines.map(({ revisionId, ...line }, index) => ({
    ...line,
    revision: { project, location, serviceId, revisionId },
    insertId: insertIdOf(line.timeMs, segment.log, segment.base + index),
  }));
}

/** Orders entries as they are read: by time, then by log, then by place, each in hexadecimal. */
export function insertIdOf(timeMs: number, log: number, sequence: number): string {
  return hex(timeMs, timeDigits) + hex(log, 8) + hex(sequence, 12);
}

const timeDigits = 12;

/** The time in an insert id; null if it is none of ours. */
export function timeOfInsertId(id: string): number | null {
  return /^[0-9a-f]{32}$/.test(id) ? Number.parseInt(id.slice(0, timeDigits), 16) : null;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function contextOf(
  service: ServiceName,
  place: Pick<Segment, 'log' | 'base' | 'count' | 'epoch' | 'timeMs' | 'id'>,
): Uint8Array {
  const { log, base, count, timeMs, id } = place;
  const numbers = [log, base, count, place.epoch, timeMs].map(String);
  return associatedData(['sealpost/vault/log/v1', serviceNameOf(service), ...numbers, id]);
}
