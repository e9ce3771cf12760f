import { filesBelow, searchFiles } from './disk-search.ts';
import { count, mebibytes } from './screen.ts';
import type { Session } from './session.ts';

const sampleCount = 10;

/**
 * Looks for ten of the records in every file of the broker, as text and as base64. The same search
 * in the data set's own file must find all ten, or it would prove nothing. False if one leaked, or if
 * there was nothing to search: that is no proof either.
 */
export async function diskAct(session: Session, rows: number, diskBytes: number): Promise<boolean> {
  const { screen, broker, flights } = session;
  screen.title('On disk');
  const paths = await filesBelow(broker.directories);
  // Without the growth, the directory would be some other broker's, and the search say nothing.
  if (diskBytes <= 0 || paths.length === 0) {
    screen.check(false, "nothing was searched: the broker's files are not in");
    screen.fact(
      `  ${broker.directories[0]!}; --data-dir names them, --no-disk-search does without`,
    );
    return false;
  }
  const step = Math.floor(rows / sampleCount);
  const samples = Array.from({ length: sampleCount }, (_, n) => flights.records[n * step]!);
  const needles = [...samples, ...samples.map((sample) => Buffer.from(sample.toString('base64')))];
  const control = await searchFiles([flights.path], samples);
  const leaks = await searchFiles(paths, needles);
  screen.fact(`${count(rows)} messages took ${mebibytes(diskBytes)}, sealed.`);
  screen.fact(`Such as row ${count(step)}: ${String(samples[1])}`);
  screen.check(
    control.size === sampleCount,
    `${String(control.size)} of ${String(sampleCount)} sampled records found in the data set itself`,
  );
  screen.check(
    leaks.size === 0,
    `${String(leaks.size)} found in the broker's ${String(paths.length)} files, as text or base64`,
  );
  return control.size === sampleCount && leaks.size === 0;
}
