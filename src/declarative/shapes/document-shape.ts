import { projectIdPattern, resourceIdPattern } from '../../rpc/index.ts';
import { accountShape, iamField, organizationShape } from './access-shapes.ts';
import { keyRingShape } from './key-shapes.ts';
import type { MapShape, ObjectShape, Shape } from './shape.ts';
import { subscriptionShape } from './subscription-shape.ts';
import { schemaShape, topicShape } from './topic-shapes.ts';

const byId = (of: Shape): MapShape => ({
  kind: 'map',
  keys: resourceIdPattern,
  says: 'an id of 3 to 255 letters, digits and -_.~+% that begins with a letter, not with goog',
  of,
  max: 100_000,
});

const project: ObjectShape = {
  kind: 'object',
  title: 'project',
  fields: {
    iam: iamField,
    accounts: {
      shape: {
        kind: 'map',
        keys: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
        says: 'an id of 6 to 30 small letters, digits and - that begins with a letter',
        of: accountShape,
        max: 10_000,
      },
      doc: 'Service accounts, NAME@PROJECT.iam.gserviceaccount.com, by their names.',
    },
    keyRings: {
      shape: {
        kind: 'map',
        keys: /^(?:[a-zA-Z0-9-]{1,63}\/)?[a-zA-Z0-9_-]{1,63}$/,
        says: 'RING or LOCATION/RING',
        of: keyRingShape,
        max: 10_000,
      },
      doc: 'Key rings: RING in the location global, or LOCATION/RING.',
    },
    schemas: { shape: byId(schemaShape), doc: 'Schemas by their ids.' },
    topics: { shape: byId(topicShape), doc: 'Topics by their ids.' },
    subscriptions: { shape: byId(subscriptionShape), doc: 'Subscriptions by their ids.' },
  },
};

/** The whole document. */
export const documentShape: ObjectShape = {
  kind: 'object',
  title: 'document',
  fields: {
    organization: { shape: organizationShape, doc: 'The whole server.' },
    projects: {
      shape: {
        kind: 'map',
        keys: projectIdPattern,
        says: 'the id of a project',
        of: project,
        max: 10_000,
      },
      doc: 'Projects by their ids.',
    },
  },
  hasExtensions: true,
};
