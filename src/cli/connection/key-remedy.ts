import { shortKey } from './resource-names.ts';

const keyPath = String.raw`(projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s']+)`;
const versionPath = `${keyPath}/cryptoKeyVersions/(\\d+)`;
const inState = new RegExp(
  `${versionPath} (?:is not enabled|must be in state ENABLED or DISABLED), current state is: (\\w+)`,
);
const inUse = new RegExp(`${versionPath} is in use: `);
const denied = new RegExp(`Permission '[^']+' denied on resource '${keyPath}'`);

/** What a state that refuses the use of a version lets one do, by `RING/KEY NUMBER`. */
const remedies: Readonly<Record<string, (key: string, version: string) => string>> = {
  DISABLED: (key, version) => `sealpost keys versions enable ${key} ${version}`,
  DESTROY_SCHEDULED: (key, version) =>
    `sealpost keys versions restore ${key} ${version}, ` +
    `then: sealpost keys versions enable ${key} ${version}`,
  DESTROYED: (key, version) =>
    `sealpost keys usage ${key} --version ${version}, for what is lost; ` +
    `sealpost keys versions primary ${key} VERSION, for what is new`,
};

/**
 * The command that makes a key usable, from the sentence in which the key service refused it;
 * undefined if none does. `project` is that of the topic: its keys are named shortly.
 */
export function keyRemedy(message: string, project?: string): string | undefined {
  const name = (key: string): string => (key.split('/')[1] === project ? shortKey(key) : key);
  const [, refused, number = '', state = ''] = inState.exec(message) ?? [];
  if (refused !== undefined) return remedies[state]?.(name(refused), number);
  const [, needed, version] = inUse.exec(message) ?? [];
  if (needed !== undefined) {
    const free = `sealpost keys rewrap ${name(needed)} --from ${version}`;
    return `${free}, once another version is primary; --force destroys it all the same`;
  }
  const ungranted = denied.exec(message)?.[1];
  if (ungranted === undefined) return undefined;
  return `sealpost keys grant ${name(ungranted)} --project ${project ?? 'PROJECT'}`;
}
