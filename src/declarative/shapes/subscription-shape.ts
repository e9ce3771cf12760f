import { iamField } from './access-shapes.ts';
import { labels } from './label-shape.ts';
import { aSwitch, choice, nameOf, seconds, text, whole, type ObjectShape } from './shape.ts';
import { messageTransforms } from './topic-shapes.ts';

const oidcToken: ObjectShape = {
  kind: 'object',
  title: 'oidcToken',
  fields: {
    serviceAccountEmail: {
      shape: text({ pattern: /^[^\s@]+@[^\s@]+$/, says: 'an email address' }),
      doc: 'Who the token speaks for.',
      isRequired: true,
    },
    audience: {
      shape: text({ bytesMax: 2048 }),
      doc: "Whom it is for; the endpoint's URL if it is not given.",
    },
  },
};

const pushConfig: ObjectShape = {
  kind: 'object',
  title: 'pushConfig',
  fields: {
    pushEndpoint: {
      shape: text({ pattern: /^https?:\/\/[^/?#\s]\S*$/i, says: 'a URL', bytesMax: 2048 }),
      doc: 'Where messages are sent to.',
      isRequired: true,
    },
    attributes: {
      shape: {
        kind: 'map',
        keys: /^x-goog-version$/,
        says: 'x-goog-version',
        of: choice('v1', 'v1beta2'),
        max: 1,
      },
      doc: 'The one attribute is x-goog-version, the format of the request.',
      default: { 'x-goog-version': 'v1' },
    },
    oidcToken: { shape: oidcToken, doc: 'An ID token in each request.' },
    pubsubWrapper: {
      shape: { kind: 'object', title: 'pubsubWrapper', fields: {} },
      doc: 'Messages are sent as JSON: the default.',
      part: 'creation',
    },
    noWrapper: {
      shape: {
        kind: 'object',
        title: 'noWrapper',
        fields: {
          writeMetadata: {
            shape: aSwitch,
            doc: 'Whether attributes and metadata become headers.',
            default: false,
          },
        },
      },
      doc: "The data alone is the request's body.",
    },
  },
  atMostOne: [['pubsubWrapper', 'noWrapper']],
};

const deadLetterPolicy: ObjectShape = {
  kind: 'object',
  title: 'deadLetterPolicy',
  fields: {
    deadLetterTopic: { shape: nameOf('topics'), doc: 'Where they go.', isRequired: true },
    maxDeliveryAttempts: { shape: whole(5, 100), doc: 'After so many.', default: 5 },
  },
};

const retryPolicy: ObjectShape = {
  kind: 'object',
  title: 'retryPolicy',
  fields: {
    minimumBackoff: { shape: seconds(0, 600), doc: 'The first wait.', default: '10s' },
    maximumBackoff: { shape: seconds(0, 600), doc: 'The longest wait.', default: '600s' },
  },
};

const expirationPolicy: ObjectShape = {
  kind: 'object',
  title: 'expirationPolicy',
  fields: {
    ttl: {
      shape: seconds(86_400, 10_000 * 86_400),
      doc: 'So long without a subscriber; a policy without it means never.',
    },
  },
};

/** google.pubsub.v1.Subscription. */
export const subscriptionShape: ObjectShape = {
  kind: 'object',
  title: 'subscription',
  fields: {
    topic: {
      shape: nameOf('topics'),
      doc: 'Topic that it reads: an id in this project, or the full name.',
      isRequired: true,
      isFixed: true,
    },
    labels,
    pushConfig: { shape: pushConfig, doc: 'Messages are sent, not fetched.', default: {} },
    ackDeadlineSeconds: {
      shape: whole(10, 600),
      doc: 'How long a message is leased; 60 if it is not given and delivery is exactly once.',
      default: 10,
    },
    retainAckedMessages: {
      shape: aSwitch,
      doc: 'Whether acknowledged messages stay for a replay.',
      default: false,
    },
    messageRetentionDuration: {
      shape: seconds(600, 31 * 86_400),
      doc: 'How long messages wait for it.',
      default: '604800s',
    },
    enableMessageOrdering: {
      shape: aSwitch,
      doc: 'Whether messages with the same ordering key come in order.',
      default: false,
      isFixed: true,
    },
    expirationPolicy: {
      shape: expirationPolicy,
      doc: 'When it is deleted for lack of use.',
      default: { ttl: '2678400s' },
    },
    filter: {
      shape: text({ bytesMax: 256 }),
      doc: 'Messages that it gets, by their attributes.',
      isFixed: true,
    },
    deadLetterPolicy: { shape: deadLetterPolicy, doc: 'What becomes of messages that fail.' },
    retryPolicy: { shape: retryPolicy, doc: 'How long a message waits that was not taken.' },
    enableExactlyOnceDelivery: {
      shape: aSwitch,
      doc: 'Whether an acknowledged message never comes again.',
      default: false,
    },
    messageTransforms,
    iam: iamField,
  },
};
