import type { AnyOption } from './options.ts';
import { optionalFile, flag, wholeNumber } from '../values.ts';

const countMax = 1_000_000;
const perSecondMax = 1_000_000_000_000;

/** What there may be, how fast, and what is there from the start. */
export const limitOptions: readonly AnyOption[] = [
  {
    field: 'resourcesFile',
    name: 'config',
    placeholder: 'FILE',
    default: '',
    limits: 'a YAML file (docs/declarative.md)',
    doc: 'Projects, keys, bindings, accounts, schemas, topics and subscriptions, applied at start.',
    parse: optionalFile,
  },
  {
    field: 'autoCreateTopics',
    name: 'auto-create-topics',
    default: 'false',
    limits: 'true or false; not with --authentication required',
    doc: 'For development: topics that are published to or subscribed to are made if absent.',
    parse: flag,
  },
  {
    field: 'topicsMax',
    name: 'topics-max',
    placeholder: 'COUNT',
    default: '10000',
    limits: `1 to ${countMax}`,
    doc: 'Topics of one project.',
    parse: wholeNumber(1, countMax),
  },
  {
    field: 'subscriptionsMax',
    name: 'subscriptions-max',
    placeholder: 'COUNT',
    default: '10000',
    limits: `1 to ${countMax}`,
    doc: 'Subscriptions of one project, and of one topic.',
    parse: wholeNumber(1, countMax),
  },
  {
    field: 'snapshotsMax',
    name: 'snapshots-max',
    placeholder: 'COUNT',
    default: '5000',
    limits: `1 to ${countMax}`,
    doc: 'Snapshots of one project, and of one topic.',
    parse: wholeNumber(1, countMax),
  },
  {
    field: 'schemasMax',
    name: 'schemas-max',
    placeholder: 'COUNT',
    default: '10000',
    limits: `1 to ${countMax}`,
    doc: 'Schemas of one project.',
    parse: wholeNumber(1, countMax),
  },
  {
    field: 'publisherQuota',
    name: 'publisher-quota',
    placeholder: 'BYTES',
    default: '0',
    limits: `0 to ${perSecondMax}`,
    doc: 'Bytes a second that may be published in one project; 0 sets no limit.',
    parse: wholeNumber(0, perSecondMax),
  },
  {
    field: 'subscriberQuota',
    name: 'subscriber-quota',
    placeholder: 'BYTES',
    default: '0',
    limits: `0 to ${perSecondMax}`,
    doc: 'Bytes a second that may be pulled or streamed in one project; 0 sets no limit.',
    parse: wholeNumber(0, perSecondMax),
  },
  {
    field: 'administratorQuota',
    name: 'administrator-quota',
    placeholder: 'COUNT',
    default: '0',
    limits: `0 to ${countMax}`,
    doc: 'Administrative calls a minute in one project; 0 sets no limit.',
    parse: wholeNumber(0, countMax),
  },
];
