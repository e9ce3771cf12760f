import { readFileSync } from 'node:fs';

/** The version of this package, as its manifest says: `0.1.0`. */
export function packageVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(manifest) as { version: unknown }).version);
}
