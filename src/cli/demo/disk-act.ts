import { bytesOnDisk, filesBelow, searchFiles } from './disk-search.ts';
import { count, mebibytes } from './screen.ts';
import type { Session } from './session.ts';

const sampleCount = 10;

/**
 * Looks for ten of the records in every file of the broker, as text and as base64. The same search
 * in the data set's own file must find all ten, or it would prove nothing. False if one leaked, or if
 * there was nothing to search: that is no proof either.
 *
 * The files are this broker's if they hold the name of the topic, which only this run has: names are
 * not sealed. Growth would not tell, as a used file takes new messages into its free pages.
 */
export async function diskAct(session: Session, rows: number): Promise<boolean> {
  const { screen, broker, flights, resources } = session;
  screen.title('On disk');
  const paths = await filesBelow(broker.directories);
  const step = Math.floor(rows / sampleCount);
  const samples = Array.from({ length: sampleCount }, (_, n) => flights.records[n * step]!);
  const needles = [...samples, ...samples.map((sample) => Buffer.from(sample.toString('base64')))];
  const found = await searchFiles(paths, [...needles, Buffer.from(resources.topic)]);
  if (!found.delete(needles.length)) {
    screen.check(false, "nothing was searched: the broker's files are not in");
    screen.fact(
      `  ${broker.directories[0]!}; --data-dir names them, --no-disk-search does without`,
    );
    return false;
  }
  const control = await searchFiles([flights.path], samples);
  const held = mebibytes(await bytesOnDisk(broker.directories));
  screen.fact(
    `The broker's files hold ${held} now, these ${count(rows)} messages among it, sealed.`,
  );
  screen.fact(`Such as row ${count(step)}: ${String(samples[1])}`);
  screen.check(
    control.size === sampleCount,
    `${String(control.size)} of ${String(sampleCount)} sampled records found in the data set itself`,
  );
  screen.check(
    found.size === 0,
    `${String(found.size)} found in the broker's ${String(paths.length)} files, as text or base64`,
  );
  return control.size === sampleCount && found.size === 0;
}
