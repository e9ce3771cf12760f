/** Which files of the conformance suite are put to a server. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const suite = join(import.meta.dirname, '..', 'test', 'conformance');
/** What a case needs to speak with a key management service, or to read its log. */
const keyClient = '/key-client.ts';

export interface Choice {
  /** Only files with one of these in their names; none: all files. */
  readonly parts: readonly string[];
  /** Without the cases of the key management service, which only Sealpost has beside Pub/Sub. */
  readonly isPubSubOnly: boolean;
}

/** The paths of the files that can be put to any server and are chosen, by name. */
export function caseFiles({ parts, isPubSubOnly }: Choice): string[] {
  return readdirSync(suite)
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .map((name) => join(suite, name))
    .filter((file) => {
      const text = readFileSync(file, 'utf8');
      return text.includes('useTestedServer(') && !(isPubSubOnly && text.includes(keyClient));
    });
}
