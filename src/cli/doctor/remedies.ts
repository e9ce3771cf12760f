import { keyRemedy } from '../connection/key-remedy.ts';
import { shortId } from '../connection/resource-names.ts';
import type { Diagnosis, Finding } from './diagnosis.ts';

/** A command, or a sentence, that mends what was found; undefined if only time or people can. */
export function remedyOf({ reason }: Finding, diagnosis: Diagnosis): string | undefined {
  const { key, subscription, topic } = diagnosis;
  switch (reason) {
    case 'KEY_UNUSABLE':
    case 'PUSH_STALLED':
      return keyRemedy(key.message ?? '', topic.split('/')[1]);
    case 'PUSH_ADDRESS_REFUSED':
      return `${elsewhere(subscription)}, or a server with --outgoing-allow`;
    case 'PUSH_FAILING_LONG':
      return `${elsewhere(subscription)}, if the endpoint is not to be mended`;
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

const elsewhere = (subscription = ''): string =>
  `sealpost subscriptions modify-push-config ${shortId(subscription)} --push-endpoint URL`;
