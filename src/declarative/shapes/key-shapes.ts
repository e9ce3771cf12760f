import { iamField } from './access-shapes.ts';
import { labels } from './label-shape.ts';
import { choice, seconds, text, type ObjectShape } from './shape.ts';

const day = 86_400;

const versionTemplate: ObjectShape = {
  kind: 'object',
  title: 'versionTemplate',
  fields: {
    protectionLevel: {
      shape: choice('SOFTWARE', 'HSM', 'EXTERNAL'),
      doc: 'Where its versions are kept.',
      default: 'SOFTWARE',
      isFixed: true,
    },
    algorithm: {
      shape: text({ pattern: /^[A-Z][A-Z0-9_]+$/, says: 'an algorithm such as AES_256_GCM' }),
      doc: 'Of new versions; by the purpose if it is not given.',
      part: 'chosen',
    },
  },
};

const external: ObjectShape = {
  kind: 'object',
  title: 'externalProtectionLevelOptions',
  fields: {
    externalKeyUri: {
      shape: text({ pattern: /^https:\/\/\S+$/, says: 'an https URL' }),
      doc: 'Where the external key manager has the key.',
      isRequired: true,
    },
  },
};

const accessReasons = choice(
  'CUSTOMER_INITIATED_SUPPORT',
  'GOOGLE_INITIATED_SERVICE',
  'THIRD_PARTY_DATA_REQUEST',
  'GOOGLE_INITIATED_REVIEW',
  'CUSTOMER_INITIATED_ACCESS',
  'GOOGLE_INITIATED_SYSTEM_OPERATION',
  'REASON_NOT_EXPECTED',
  'MODIFIED_CUSTOMER_INITIATED_ACCESS',
  'MODIFIED_GOOGLE_INITIATED_SYSTEM_OPERATION',
  'GOOGLE_RESPONSE_TO_PRODUCTION_ALERT',
  'CUSTOMER_AUTHORIZED_WORKFLOW_SERVICING',
);

const justifications: ObjectShape = {
  kind: 'object',
  title: 'keyAccessJustificationsPolicy',
  fields: {
    allowedAccessReasons: {
      shape: { kind: 'list', of: accessReasons, max: 20 },
      doc: 'The reasons for which it may be used.',
    },
  },
};

/** google.cloud.kms.v1.CryptoKey. */
export const keyShape: ObjectShape = {
  kind: 'object',
  title: 'key',
  fields: {
    purpose: {
      shape: choice('ENCRYPT_DECRYPT', 'RAW_ENCRYPT_DECRYPT', 'MAC'),
      doc: 'What it is used for; keys of topics and services are ENCRYPT_DECRYPT.',
      default: 'ENCRYPT_DECRYPT',
      isFixed: true,
    },
    versionTemplate: { shape: versionTemplate, doc: 'What its versions are like.', default: {} },
    rotationPeriod: {
      shape: seconds(day, 876_000 * 3600),
      doc: 'How often a new version is made and becomes primary.',
    },
    nextRotationTime: {
      shape: text({
        pattern: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/,
        says: 'a time such as 2030-01-01T00:00:00Z',
      }),
      doc: 'When the first rotation is; one period from now if it is not given, or past.',
      part: 'creation',
    },
    destroyScheduledDuration: {
      shape: seconds(day, 120 * day),
      doc: 'How long a version waits for its destruction.',
      part: 'chosen',
      isFixed: true,
    },
    labels,
    keyAccessJustificationsPolicy: { shape: justifications, doc: 'Why it may be used.' },
    externalProtectionLevelOptions: {
      shape: external,
      doc: 'Of the first version of an EXTERNAL key.',
      part: 'creation',
    },
    iam: iamField,
  },
};

/** google.cloud.kms.v1.KeyRing with its keys. */
export const keyRingShape: ObjectShape = {
  kind: 'object',
  title: 'keyRing',
  fields: {
    keys: {
      shape: {
        kind: 'map',
        keys: /^[a-zA-Z0-9_-]{1,63}$/,
        says: 'an id of 1 to 63 letters, digits, - and _',
        of: keyShape,
        max: 10_000,
      },
      doc: 'Keys by their ids. They are never destroyed by what is not here.',
      part: 'document',
    },
    iam: iamField,
  },
};
