import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly url: string;
  /** A broker of the user's choice: never start another in its place. */
  readonly isUrlGiven: boolean;
  /** Start a broker of our own even if one answers. */
  readonly mustStart: boolean;
  /** The running broker's data directory, for the search on disk. */
  readonly dataDir: string;
  /** False: the broker's files are elsewhere, on another machine say, and are not looked at. */
  readonly mustSearchDisk: boolean;
  /** Records to send, at most; the whole data set by default. */
  readonly recordsMax: number;
}

export const demoUsage = `Usage: sealpost demo [OPTIONS]

Streams 200,000 flight records through a broker under a key of their own, checks what comes back,
searches the data files for it, takes the key away and gives it back. Takes under a minute.

  --url URL        broker to use [http://127.0.0.1:8085; a new one if none answers there]
  --start          use a new broker in a temporary directory in any case
  --data-dir DIR   data directory of the running broker, for the search on disk [./data]
  --no-disk-search do not search the running broker's files; without it, not finding them fails
  --records N      send only so many records, 2000 or more
  --help           this text`;

const flags = {
  url: { type: 'string' },
  start: { type: 'boolean', default: false },
  'data-dir': { type: 'string', default: './data' },
  'no-disk-search': { type: 'boolean', default: false },
  records: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Enough for the batches that are held back for the end. */
const recordsMin = 2000;

/** Null when help was asked for. Throws a sentence for what it does not understand. */
export function parseDemoOptions(argv: readonly string[]): DemoOptions | null {
  const { values } = parseArgs({ args: [...argv], options: flags });
  if (values.help) return null;
  const recordsMax = values.records === undefined ? Infinity : Number(values.records);
  if (!(recordsMax >= recordsMin)) {
    throw new Error(`--records takes a number from ${String(recordsMin)}, not ${values.records!}.`);
  }
  if (values.url !== undefined && values.start) {
    throw new Error('--start starts a broker of its own: leave --url out.');
  }
  return {
    url: (values.url ?? 'http://127.0.0.1:8085').replace(/\/+$/, ''),
    isUrlGiven: values.url !== undefined,
    mustStart: values.start,
    dataDir: values['data-dir'],
    mustSearchDisk: !values['no-disk-search'],
    recordsMax,
  };
}
