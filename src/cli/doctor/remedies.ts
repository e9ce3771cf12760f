import { shortId, shortKey } from '../connection/resource-names.ts';
import type { Diagnosis, Finding } from './diagnosis.ts';

/** A command, or a sentence, that mends what was found; undefined if only time or people can. */
export function remedyOf({ reason }: Finding, diagnosis: Diagnosis): string | undefined {
  const { key, subscription, topic } = diagnosis;
  switch (reason) {
    case 'KEY_UNUSABLE':
    case 'PUSH_STALLED':
      return keyRemedy(key);
    case 'NO_CONSUMER':
      return `sealpost subscribe ${shortId(subscription ?? '')}`;
    case 'TOPIC_UNREAD':
      return `sealpost subscriptions create NAME --topic ${shortId(topic)}`;
    case 'TOPIC_DELETED':
      return `sealpost subscriptions delete ${shortId(subscription ?? '')}, once it is empty`;
    default:
      return undefined;
  }
}

function keyRemedy({ name, reason = '', message = '' }: Diagnosis['key']): string | undefined {
  const [, version] = /cryptoKeyVersions\/(\d+) is not enabled/.exec(message) ?? [];
  if (reason === 'KEY_DISABLED' && version !== undefined) {
    return `sealpost keys versions enable ${shortKey(name)} ${version}`;
  }
  if (reason === 'KEY_USE_DENIED') return `sealpost keys grant ${shortKey(name)}`;
  if (reason === 'KEY_PRIMARY_VERSION_MISSING') {
    return `sealpost keys versions primary ${shortKey(name)} VERSION`;
  }
  return undefined;
}
