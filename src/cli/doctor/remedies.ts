import { keyRemedy } from '../connection/key-remedy.ts';
import { shortId } from '../connection/resource-names.ts';
import type { Diagnosis, Finding } from './diagnosis.ts';

/** A command, or a sentence, that mends what was found; undefined if only time or people can. */
export function remedyOf({ reason }: Finding, diagnosis: Diagnosis): string | undefined {
  return remedies.get(reason)?.(diagnosis);
}

type Remedy = (diagnosis: Diagnosis) => string | undefined;

const mendKey: Remedy = ({ key, topic }) => keyRemedy(key.message ?? '', topic.split('/')[1]);

const idOf = ({ subscription = '' }: Diagnosis): string => shortId(subscription);

const pushElsewhere = (diagnosis: Diagnosis): string =>
  `sealpost subscriptions modify-push-config ${idOf(diagnosis)} --push-endpoint URL`;

const otherDeadLetterTopic: Remedy = (diagnosis) =>
  `sealpost subscriptions update ${idOf(diagnosis)} --dead-letter-topic TOPIC, if that one is not to be mended`;

const remedies: ReadonlyMap<string, Remedy> = new Map<string, Remedy>([
  ['KEY_UNUSABLE', mendKey],
  ['PUSH_STALLED', mendKey],
  [
    'PUSH_ADDRESS_REFUSED',
    (diagnosis) => `${pushElsewhere(diagnosis)}, or a server with --outgoing-allow`,
  ],
  [
    'PUSH_FAILING_LONG',
    (diagnosis) => `${pushElsewhere(diagnosis)}, if the endpoint is not to be mended`,
  ],
  ['NO_CONSUMER', (diagnosis) => `sealpost subscribe ${idOf(diagnosis)}`],
  ['TOPIC_UNREAD', ({ topic }) => `sealpost subscriptions create NAME --topic ${shortId(topic)}`],
  [
    'TOPIC_DELETED',
    (diagnosis) => `sealpost subscriptions delete ${idOf(diagnosis)}, once it is empty`,
  ],
  ['DEAD_LETTER_TOPIC_MISSING', otherDeadLetterTopic],
  ['DEAD_LETTERS_REFUSED', otherDeadLetterTopic],
  [
    'DEAD_LETTER_TOPIC_UNREAD',
    () => 'sealpost subscriptions create NAME --topic TOPIC, with the dead letter topic',
  ],
]);
