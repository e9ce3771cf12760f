import { storageRefusal, type RecordSealer } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { draw, type Clock, type Entropy } from '../../runtime/index.ts';
import type { Append, Segment, Store } from '../../storage/index.ts';
import { AckReplay } from '../acks/ack-replay.ts';
import { snapshotRecords } from '../acks/snapshot-records.ts';
import type { SnapshotRow } from '../catalog/catalog-rows.ts';
import { Appender } from '../lanes/appender.ts';
import { takeOver } from '../lanes/ownership.ts';

export interface SnapshotLogPorts {
  readonly store: Store;
  readonly sealer: RecordSealer;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** What was not acknowledged at one moment: the holes, and all from the frontier on. */
export interface Unacknowledged {
  readonly frontier: number;
  /** Sequences below the frontier, ascending. */
  readonly holes: readonly number[];
}

const readBytes = 1 << 20;

/** Writes the set to a log of its own, in one commit; durable when it resolves. */
export async function writeSnapshot(
  ports: SnapshotLogPorts,
  log: number,
  { frontier, holes }: Unacknowledged,
): Promise<void> {
  const { epoch } = await takeOver(ports.store, log);
  const appender = new Appender(ports.store, log, epoch, null);
  const floor = holes[0] ?? frontier;
  const records = snapshotRecords({ floor, frontier, generation: 0, holes: () => holes }, []);
  for (;;) {
    const { next, timeMs: lastMs } = await appender.position();
    const timeMs = Math.max(lastMs, ports.clock.wallMs());
    const ops = records.map(({ kind, record }, i): Append => {
      const at = next + i;
      const body = ports.sealer.seal(record, { log, at, epoch, kind });
      return { log, at, epoch, id: draw(ports.entropy, 16), count: 1, timeMs, kind, body };
    });
    if (await appender.append(ops)) return;
  }
}

/** Reads the set back. Throws DATA_LOSS if that is not what the snapshot's row says. */
export async function readSnapshot(
  { store, sealer }: SnapshotLogPorts,
  row: SnapshotRow,
): Promise<Unacknowledged> {
  const replay = new AckReplay(0);
  for (let at = 0; ;) {
    const segments = await segmentsFrom(store, row.log, at);
    for (const { log, base, epoch, kind, body } of segments) {
      replay.apply(kind, sealer.open(body, { log, at: base, epoch, kind }));
    }
    const last = segments.at(-1);
    if (last === undefined) break;
    at = last.base + last.count;
  }
  const found = { frontier: replay.frontier, holes: [...replay.holes()] };
  if (found.frontier === row.frontier && found.holes.length === row.holeCount) return found;
  throw new RpcError('DATA_LOSS', 'SNAPSHOT_MALFORMED', 'The stored snapshot cannot be read.');
}

async function segmentsFrom(store: Store, log: number, at: number): Promise<Segment[]> {
  try {
    return await store.read(log, at, readBytes);
  } catch (error) {
    throw storageRefusal(error);
  }
}
