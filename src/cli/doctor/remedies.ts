import { keyRemedy } from '../connection/key-remedy.ts';
import { shortId } from '../connection/resource-names.ts';
import type { Diagnosis, Finding } from './diagnosis.ts';

/** A command, or a sentence, that mends what was found; undefined if only time or people can. */
export function remedyOf(finding: Finding, diagnosis: Diagnosis): string | undefined {
  return remedies.get(finding.reason)?.(diagnosis, finding);
}

type Remedy = (diagnosis: Diagnosis, finding: Finding) => string | undefined;

/** The message has the key service's words, of the version that is needed. */
const mendKey: Remedy = ({ topic }, { message }) => keyRemedy(message, topic.split('/')[1]);

const idOf = ({ subscription = '' }: Diagnosis): string => shortId(subscription);

const pushElsewhere = (diagnosis: Diagnosis): string =>
  `sealpost subscriptions modify-push-config ${idOf(diagnosis)} --push-endpoint URL`;

const otherDeadLetterTopic: Remedy = (diagnosis) =>
  `sealpost subscriptions update ${idOf(diagnosis)} --dead-letter-topic TOPIC, if that one is not to be mended`;

/** Addresses that are never called are refused without naming the option. */
const callAllowed: Remedy = (diagnosis, { message }) => {
  const allow = message.includes('--outgoing-allow') ? ', or a server with --outgoing-allow' : '';
  return pushElsewhere(diagnosis) + allow;
};

const beginAnew: Remedy = (diagnosis) => {
  const [id, topic] = [idOf(diagnosis), diagnosis.topic];
  const remove = `sealpost subscriptions delete ${id}`;
  if (!topic.startsWith('projects/')) return remove;
  return `${remove}, then: sealpost subscriptions create ${id} --topic ${shortId(topic)}`;
};

const remedies: ReadonlyMap<string, Remedy> = new Map<string, Remedy>([
  ['KEY_UNUSABLE', mendKey],
  ['PUSH_STALLED', mendKey],
  ['PUSH_ADDRESS_REFUSED', callAllowed],
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
  ['SUBSCRIPTION_DETACHED', beginAnew],
  ['DEAD_LETTER_TOPIC_MISSING', otherDeadLetterTopic],
  ['DEAD_LETTERS_REFUSED', otherDeadLetterTopic],
  [
    'DEAD_LETTER_TOPIC_UNREAD',
    () => 'sealpost subscriptions create NAME --topic TOPIC, with the dead letter topic',
  ],
]);
