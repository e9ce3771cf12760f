import type { RecordSealer } from '../../envelope/index.ts';
import { draw, type Clock, type Entropy } from '../../runtime/index.ts';
import { segmentKinds, type LogId, type Segment, type Store } from '../../storage/index.ts';
import type { AckLog } from './ack-log.ts';
import { AckReplay } from './ack-record.ts';
import { Appender } from '../lanes/appender.ts';
import { takeOver } from '../lanes/ownership.ts';
import type { Backlog } from '../delivery/backlog.ts';
import { StoredAckLog } from './stored-ack-log.ts';

/** Where the acknowledgements of one subscription stand, and where the next ones go. */
export interface AckState {
  /** Stands in ack ids. */
  readonly epoch: number;
  readonly frontier: number;
  /** Sequences below the frontier that are not acknowledged, ascending. */
  readonly holes: Iterable<number>;
  readonly openLog: (backlog: Backlog) => AckLog;
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
  const state = (deltaCount: number): AckState => ({
    epoch,
    frontier: replay.frontier,
    holes: replay.holes(),
    openLog: (backlog) => new StoredAckLog({ ...ports, appender, backlog, deltaCount }),
  });
  if (tail.next === 0) return state(0);
  const end = await appendTakeover(ports, appender);
  let deltaCount = 0;
  for (let at = tail.trim; at < end;) {
    const segments = await ports.store.read(log, at, readBytes);
    for (const segment of segments) deltaCount = apply(ports.sealer, replay, segment, deltaCount);
    const last = segments.at(-1);
    if (last === undefined) break;
    at = last.base + last.count;
  }
  return state(deltaCount);
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

function apply(sealer: RecordSealer, replay: AckReplay, segment: Segment, count: number): number {
  const { log, base: at, epoch, kind } = segment;
  const record = sealer.open(segment.body, { log, at, epoch, kind });
  if (kind === segmentKinds.ackDelta) replay.delta(record);
  if (kind === segmentKinds.ackSnapshot) {
    replay.snapshotPart(record);
    return 0;
  }
  return count + 1;
}
