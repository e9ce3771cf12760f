import type { RecordSealer } from '../../envelope/index.ts';
import { draw, type Clock, type Entropy } from '../../runtime/index.ts';
import { segmentKinds, type LogId, type Segment, type Store } from '../../storage/index.ts';
import type { AckLog } from './ack-log.ts';
import { AckReplay } from './ack-replay.ts';
import type { LeaseRecord } from './lease-record.ts';
import { Appender } from '../lanes/appender.ts';
import { takeOver } from '../lanes/ownership.ts';
import type { AckPosition } from './snapshot-records.ts';
import { StoredAckLog } from './stored-ack-log.ts';

/** Where the acknowledgements of one subscription stand, and where the next ones go. */
export interface AckState {
  /** Stands in ack ids. */
  readonly epoch: number;
  readonly frontier: number;
  /** Sequences below the frontier that are not acknowledged, ascending. */
  readonly holes: Iterable<number>;
  /** How often the backlog was replaced by a seek; stands in ack ids. */
  readonly generation: number;
  /** Exactly once: holes that are leased from before the restart, ascending, deadlines ahead. */
  readonly leases: readonly LeaseRecord[];
  readonly openLog: (position: AckPosition) => AckLog;
}

export interface AckRecoveryPorts {
  readonly store: Store;
  readonly sealer: RecordSealer;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

const readBytes = 1 << 20;

/**
 * Takes an ack-state log over and replays it. The takeover record comes first: a late delta of an
 * earlier owner either lands before it, and is replayed, or conflicts.
 */
export async function recoverAcks(
  ports: AckRecoveryPorts,
  log: LogId,
  start: number,
): Promise<AckState> {
  const { tail, epoch } = await takeOver(ports.store, log);
  const appender = new Appender(ports.store, log, epoch, null);
  const replay = new AckReplay(start);
  const state = (recordCount: number): AckState => {
    const { frontier, generation } = replay;
    const leases = replay.leases(ports.clock.wallMs());
    const options = { ...ports, appender, leases, recordCount };
    return {
      epoch,
      frontier,
      generation,
      holes: replay.holes(),
      leases,
      openLog: (position) => new StoredAckLog({ ...options, position }),
    };
  };
  if (tail.next === 0) return state(0);
  const end = await appendTakeover(ports, appender);
  let recordCount = 0;
  for (let at = tail.trim; at < end;) {
    const segments = await ports.store.read(log, at, readBytes);
    for (const segment of segments) recordCount = apply(ports.sealer, replay, segment, recordCount);
    const last = segments.at(-1);
    if (last === undefined) break;
    at = last.base + last.count;
  }
  return state(recordCount);
}

async function appendTakeover(ports: AckRecoveryPorts, appender: Appender): Promise<number> {
  const { log, epoch } = appender;
  const kind = segmentKinds.takeover;
  for (;;) {
    const { next: at, timeMs: lastMs } = await appender.position();
    const body = ports.sealer.seal(new Uint8Array(0), { log, at, epoch, kind });
    const id = draw(ports.entropy, 16);
    const timeMs = Math.max(lastMs, ports.clock.wallMs());
    if (await appender.append([{ log, at, epoch, id, count: 1, timeMs, kind, body }])) return at;
  }
}

/** Returns the number of records since the last snapshot. */
function apply(sealer: RecordSealer, replay: AckReplay, segment: Segment, count: number): number {
  const { log, base: at, epoch, kind } = segment;
  replay.apply(kind, sealer.open(segment.body, { log, at, epoch, kind }));
  return kind === segmentKinds.ackSnapshot ? 0 : count + 1;
}
