import { shortKey } from './resource-names.ts';

const keyPath = String.raw`(projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s']+)`;
const notEnabled = new RegExp(`${keyPath}/cryptoKeyVersions/(\\d+) is not enabled`);
const denied = new RegExp(`Permission '[^']+' denied on resource '${keyPath}'`);

/**
 * The command that makes a key usable, from the sentence in which the key service refused it;
 * undefined if none does. `project` is that of the topic: its keys are named shortly.
 */
export function keyRemedy(message: string, project?: string): string | undefined {
  const name = (key: string): string => (key.split('/')[1] === project ? shortKey(key) : key);
  const disabled = notEnabled.exec(message);
  if (disabled !== null) {
    return `sealpost keys versions enable ${name(disabled[1]!)} ${disabled[2]!}`;
  }
  const ungranted = denied.exec(message)?.[1];
  if (ungranted === undefined) return undefined;
  return `sealpost keys grant ${name(ungranted)} --project ${project ?? 'PROJECT'}`;
}
