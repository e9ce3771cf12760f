/** `npm run lock`: adds to package-lock.json what an incomplete registry made npm leave out. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missingEntries, type LockEntries } from './lock-file.ts';

const path: string = join(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: LockEntries };
let added = 0;
// An entry that takes another version's place leaves that one to be added in the next turn.
for (let missing = missingEntries(lock.packages); missing.length > 0;) {
  for (const { path: key, entry } of missing) lock.packages[key] = entry;
  added += missing.length;
  missing = missingEntries(lock.packages);
}
const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(
  path,
  `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`,
);
console.log(`${added} entries added`);
