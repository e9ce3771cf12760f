import { decodeVarints, encodeVarints, malformedRecord } from './varint-record.ts';

/** What a restart must know of one outstanding message of an exactly-once subscription. */
export interface LeaseRecord {
  readonly sequence: number;
  /** Number of the delivery, as in its ack id: modulo 2^16. */
  readonly attempt: number;
  /** Nacks and expiries before it. */
  readonly failures: number;
  /** Milliseconds since the Unix epoch, whole; 0: given back. */
  readonly deadlineWallMs: number;
  /** Epoch and generation that stand in its ack id. */
  readonly ackEpoch: number;
  readonly generation: number;
}

/** Leases of one record, so that it stays far below the largest body. */
const recordLeasesMax = 65_536;

/**
 * Records of leases: `generation, ack epoch, earliest deadline, (gap, attempt, failures, later)*`,
 * ascending in sequence; each gap counts from the sequence before, the first from 0, and `later`
 * is in milliseconds after the earliest deadline.
 */
export function encodeLeases(leases: Iterable<LeaseRecord>): Uint8Array[] {
  const groups = new Map<string, LeaseRecord[]>();
  for (const lease of leases) {
    const key = `${lease.generation}.${lease.ackEpoch}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [lease]);
    else group.push(lease);
  }
  const records = [];
  for (const group of groups.values()) {
    group.sort((a, b) => a.sequence - b.sequence);
    for (let at = 0; at < group.length; at += recordLeasesMax) {
      records.push(encodeGroup(group.slice(at, at + recordLeasesMax)));
    }
  }
  return records;
}

function encodeGroup(leases: readonly LeaseRecord[]): Uint8Array {
  const { generation, ackEpoch } = leases[0]!;
  let earliestMs = Infinity;
  for (const { deadlineWallMs } of leases) earliestMs = Math.min(earliestMs, deadlineWallMs);
  const values = [generation, ackEpoch, earliestMs];
  let last = 0;
  for (const { sequence, attempt, failures, deadlineWallMs } of leases) {
    values.push(sequence - last, attempt, failures, deadlineWallMs - earliestMs);
    last = sequence;
  }
  return encodeVarints(values);
}

/** Throws DATA_LOSS. */
export function decodeLeases(bytes: Uint8Array): LeaseRecord[] {
  const values = decodeVarints(bytes);
  const [generation, ackEpoch, earliestMs] = values;
  if (generation === undefined || ackEpoch === undefined) throw malformedRecord();
  if (earliestMs === undefined || values.length % 4 !== 3) throw malformedRecord();
  const leases: LeaseRecord[] = [];
  let sequence = 0;
  for (let i = 3; i < values.length; i += 4) {
    sequence += values[i]!;
    const attempt = values[i + 1]!;
    const failures = values[i + 2]!;
    const deadlineWallMs = earliestMs + values[i + 3]!;
    leases.push({ sequence, attempt, failures, deadlineWallMs, ackEpoch, generation });
  }
  return leases;
}
