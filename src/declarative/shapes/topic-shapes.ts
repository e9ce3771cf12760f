import { iamField } from './access-shapes.ts';
import { labels } from './label-shape.ts';
import { aSwitch, choice, nameOf, seconds, text, type Field, type ObjectShape } from './shape.ts';

const storagePolicy: ObjectShape = {
  kind: 'object',
  title: 'messageStoragePolicy',
  fields: {
    allowedPersistenceRegions: {
      shape: {
        kind: 'list',
        of: text({ pattern: /^[a-z][a-z0-9-]{0,62}$/, says: 'a region such as europe-west1' }),
        min: 1,
        max: 100,
      },
      doc: 'Regions in which messages may be stored.',
      isRequired: true,
    },
    enforceInTransit: {
      shape: aSwitch,
      doc: 'Whether publishers and subscribers are held to the regions, too.',
      default: false,
    },
  },
};

const revision = text({ pattern: /^[0-9a-f]{8}$/, says: 'a revision: 8 hexadecimal digits' });

const schemaSettings: ObjectShape = {
  kind: 'object',
  title: 'schemaSettings',
  fields: {
    schema: { shape: nameOf('schemas'), doc: 'Schema that messages must fit.', isRequired: true },
    encoding: { shape: choice('JSON', 'BINARY'), doc: 'Of messages.', isRequired: true },
    firstRevisionId: { shape: revision, doc: 'The oldest revision that messages may fit.' },
    lastRevisionId: { shape: revision, doc: 'The newest revision that messages may fit.' },
  },
};

const javascriptUdf: ObjectShape = {
  kind: 'object',
  title: 'javascriptUdf',
  fields: {
    functionName: {
      shape: text({ pattern: /^[A-Za-z_$][\w$]{0,99}$/, says: 'the name of a function' }),
      doc: 'Function of the code that each message is given to.',
      isRequired: true,
    },
    code: { shape: text({ bytesMax: 20_000 }), doc: 'JavaScript.' },
    codeFile: {
      shape: text({ pattern: /\S/, says: 'a path' }),
      doc: 'A file with the code, relative to this document.',
      part: 'document',
    },
  },
  exactlyOne: [['code', 'codeFile']],
};

const compression: ObjectShape = {
  kind: 'object',
  title: 'compression',
  fields: {
    compressionAlgorithm: { shape: choice('ZLIB'), doc: 'How.', isRequired: true },
    compressionMode: {
      shape: choice('COMPRESS', 'DECOMPRESS'),
      doc: 'Which way.',
      isRequired: true,
    },
  },
};

const transform: ObjectShape = {
  kind: 'object',
  title: 'messageTransform',
  fields: {
    javascriptUdf: { shape: javascriptUdf, doc: 'A function of your own.' },
    compression: { shape: compression, doc: 'Compresses or decompresses data.' },
    disabled: { shape: aSwitch, doc: 'Whether it is passed over.', default: false },
  },
  exactlyOne: [['javascriptUdf', 'compression']],
};

/** Of topics and subscriptions. */
export const messageTransforms: Field = {
  shape: { kind: 'list', of: transform, max: 5 },
  doc: 'What is done with each message, in this order.',
};

/** google.pubsub.v1.Topic. */
export const topicShape: ObjectShape = {
  kind: 'object',
  title: 'topic',
  fields: {
    labels,
    kmsKeyName: {
      shape: nameOf('keys'),
      doc: "Key that seals its messages: RING/KEY, LOCATION/RING/KEY or its full name. The service's own if there is none.",
    },
    messageRetentionDuration: {
      shape: seconds(600, 31 * 86_400),
      doc: 'How long messages are kept for later subscriptions.',
    },
    messageStoragePolicy: { shape: storagePolicy, doc: 'Where messages may be stored.' },
    schemaSettings: { shape: schemaSettings, doc: 'What messages must look like.' },
    messageTransforms,
    iam: iamField,
  },
};

/** google.pubsub.v1.Schema, by its newest revision. */
export const schemaShape: ObjectShape = {
  kind: 'object',
  title: 'schema',
  fields: {
    type: {
      shape: choice('AVRO', 'PROTOCOL_BUFFER'),
      doc: 'Language of the definition.',
      isRequired: true,
      isFixed: true,
    },
    definition: {
      shape: text({ bytesMax: 300_000 }),
      doc: 'A definition other than the newest is committed as a new revision.',
    },
    definitionFile: {
      shape: text({ pattern: /\S/, says: 'a path' }),
      doc: 'A file with the definition, relative to this document.',
      part: 'document',
    },
    iam: iamField,
  },
  exactlyOne: [['definition', 'definitionFile']],
};
