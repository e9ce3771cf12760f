import type { Flags } from '../command/flags.ts';
import type { ResourceNames } from '../connection/resource-names.ts';
import { pointInTime } from '../resources/point-in-time.ts';

/** The options of `audit list` as one filter in the language of Cloud Logging. */
export function entryFilter(flags: Flags, names: ResourceNames, nowMs: number): string {
  const { key, topic, principal, method, since, filter } = textsOf(flags);
  const parts = [
    key && keyPart(names.key(key)),
    topic && topicPart(names.topic(topic)),
    principal && `protoPayload.authenticationInfo.principalEmail:${quoted(principal)}`,
    method && `protoPayload.methodName=~${quoted(`(^|\\.)${escaped(method)}$`)}`,
    since && `timestamp>=${quoted(pointInTime('since', since, nowMs, 'ago'))}`,
    flags.isSet('failed') && 'severity>=ERROR',
    // On lines of its own, so that a comment at its end comments out nothing of ours.
    filter && `(${filter}\n)`,
  ];
  return parts.filter((part) => part).join(' AND ');
}

function textsOf(flags: Flags): Readonly<Record<string, string | undefined>> {
  const names = ['key', 'topic', 'principal', 'method', 'since', 'filter'];
  return Object.fromEntries(names.map((name) => [name, flags.text(name)]));
}

/** The key, what is below it, and topics that have it. */
function keyPart(name: string): string {
  const itself = `protoPayload.resourceName=~${quoted(`^${escaped(name)}(/|$)`)}`;
  return `(${itself} OR protoPayload.metadata.kmsKeyName=${quoted(name)})`;
}

/** The topic, and uses of a key that the service made for it. */
function topicPart(name: string): string {
  const use = 'protoPayload.metadata.entries.caller_provided_context.resource';
  return `(protoPayload.resourceName=${quoted(name)} OR ${use}=${quoted(name)})`;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** A text as a pattern that finds just it. */
function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
