import { bytesOnDisk } from './disk-search.ts';
import { count, mebibytes, progressLine } from './screen.ts';
import { until, type Session } from './session.ts';

const secondsMax = 150;

/** What the act showed, for the summary. */
export interface StreamOutcome {
  readonly rows: number;
  readonly seconds: number;
}

/** Sends rows 0 to `rows` through both protocols, receives all of them twice. */
export async function streamAct(session: Session, rows: number): Promise<StreamOutcome> {
  const { screen, clock, publisher, receivers, broker } = session;
  screen.title(`${count(rows)} records, each a message, alternately over gRPC and REST`);
  const startMs = clock.monotonicMs();
  for (const receiver of receivers) void receiver.open();
  const publishing = publisher.send(0, rows);
  let failure: unknown;
  publishing.catch((error: unknown) => (failure = error));
  let diskBytes = 0;
  const draw = (): void => {
    void bytesOnDisk(broker.directories).then((bytes) => (diskBytes = bytes));
    screen.live(liveLines(session, rows, clock.monotonicMs() - startMs, diskBytes));
  };
  const isDone = (): boolean =>
    failure !== undefined || receivers.every(({ tally }) => tally.count >= rows);
  const inTime = await until(clock, secondsMax, isDone, draw);
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  if (failure !== undefined) throw failure;
  if (!inTime) throw new Error(`Not all records came back within ${String(secondsMax)} s.`);
  await publishing;
  diskBytes = await bytesOnDisk(broker.directories);
  screen.live(liveLines(session, rows, seconds * 1000, diskBytes));
  screen.settle();
  return { rows, seconds };
}

function liveLines(session: Session, rows: number, ms: number, diskBytes: number): string[] {
  const { publisher, receivers } = session;
  const perSecond = (done: number): number => (ms === 0 ? 0 : (done / ms) * 1000);
  const lines = [progressLine('published', publisher.count, rows, perSecond(publisher.count))];
  for (const { name, tally } of receivers) {
    const label = `received ${name.slice(0, name.lastIndexOf('-'))}`;
    lines.push(progressLine(label, tally.count, rows, perSecond(tally.count)));
  }
  if (diskBytes > 0) lines.push(`data files            ${mebibytes(diskBytes)}`);
  return lines;
}
