import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const directory = '/usr/lib/python3/dist-packages/cryptography_vectors';
const aptGet = '/usr/bin/apt-get';
const packageName = 'python3-cryptography-vectors';

function install(): void {
  if (existsSync(directory) || process.getuid?.() !== 0 || !existsSync(aptGet)) return;
  try {
    execFileSync(aptGet, ['install', '-y', packageName], { stdio: 'ignore', timeout: 50_000 });
  } catch {
    // No network, or no such package here: the tests that need it are skipped by name.
  }
}

install();

/** True when Debian's package of published test vectors is there. */
export const hasDebianVectors: boolean = existsSync(directory);

/** Added to the names of tests that are skipped without it. */
export const needsDebianVectors: string = `(needs ${packageName})`;

export type Fields = Readonly<Record<string, string>>;

/** Records of `name = value` lines, names in lower case; a bare word is a field of its own. */
export function* recordsIn(path: string, firstField: string): Generator<Fields> {
  let record: Record<string, string> = {};
  let section: Record<string, string> = {};
  for (const line of readFileSync(`${directory}/${path}`, 'utf8').split('\n')) {
    const text = line.trim();
    const match = /^\[?([\w ]+?)(?:\s*=\s*(.*?))?\]?$/.exec(text);
    if (text.startsWith('#') || !match) continue;
    const name = match[1]!.toLowerCase();
    const value = match[2] ?? '';
    const isSection = text.startsWith('[');
    if ((isSection || name === firstField) && record[firstField] !== undefined) {
      yield { ...section, ...record };
      record = {};
    }
    if (isSection) section = { ...section, [name]: value };
    else record[name] = value;
  }
  if (record[firstField] !== undefined) yield { ...section, ...record };
}
