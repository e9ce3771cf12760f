import { aSwitch, text, type Field, type ListShape, type ObjectShape } from './shape.ts';

const members =
  /^(?:allUsers|allAuthenticatedUsers|serviceAgent:(?:pubsub|run)(?:@[^\s@]+)?|(?:user|serviceAccount|group|domain|principal|principalSet|deleted):\S+)$/;

const member = text({
  pattern: members,
  says: 'a member such as serviceAccount:NAME, user:EMAIL, serviceAgent:pubsub or allUsers',
});

const role = text({
  pattern: /^(?:roles|projects\/[^/\s]+\/roles|organizations\/[^/\s]+\/roles)\/[A-Za-z0-9_.]+$/,
  says: 'a role such as roles/pubsub.publisher',
});

const condition: ObjectShape = {
  kind: 'object',
  title: 'condition',
  fields: {
    expression: { shape: text({ bytesMax: 12_000 }), doc: 'In CEL.', isRequired: true },
    title: {
      shape: text({ pattern: /^[^]{1,100}$/, says: 'a text of 1 to 100 characters' }),
      doc: 'A short name of its purpose.',
      isRequired: true,
    },
    description: {
      shape: text({ pattern: /^[^]{0,256}$/, says: 'a text of at most 256 characters' }),
      doc: 'More about it.',
    },
  },
};

const binding: ObjectShape = {
  kind: 'object',
  title: 'binding',
  fields: {
    role: { shape: role, doc: 'Role that the members have.', isRequired: true },
    members: {
      shape: { kind: 'list', of: member, min: 1, max: 1500 },
      doc:
        'Who has it. `serviceAccount:NAME` without an @ is an account of this project; ' +
        "`serviceAgent:pubsub` and `serviceAgent:run` are the services' own agents of this project, " +
        'and with `@PROJECT` those of another.',
      isRequired: true,
    },
    condition: { shape: condition, doc: 'When the role is given.' },
  },
};

const bindings: ListShape = { kind: 'list', of: binding, max: 1500 };

const policy: ObjectShape = {
  kind: 'object',
  title: 'policy',
  fields: {
    bindings: { shape: bindings, doc: 'Roles and who has them.' },
    authoritative: {
      shape: aSwitch,
      doc: 'Whether bindings that are not named here are removed; otherwise they are kept.',
      default: false,
    },
  },
};

/** The policy of a resource, beside its own fields. */
export const iamField: Field = {
  shape: policy,
  doc: 'Who may do what with it.',
  part: 'document',
};

export const accountShape: ObjectShape = {
  kind: 'object',
  title: 'account',
  fields: {
    displayName: { shape: text({ bytesMax: 100 }), doc: 'A name for people.' },
    description: { shape: text({ bytesMax: 256 }), doc: 'What it is for.' },
    disabled: { shape: aSwitch, doc: 'Whether it is refused.', default: false },
    keyFile: {
      shape: text({ pattern: /\S/, says: 'a path' }),
      doc:
        'A credentials file of the account, relative to this document. Made, with mode 0600, if ' +
        'it is absent or its key is not known to the server; official clients use it by ' +
        'GOOGLE_APPLICATION_CREDENTIALS.',
      part: 'document',
    },
    roles: {
      shape: { kind: 'list', of: role, max: 100 },
      doc: 'Roles that it has on its project: short for bindings there.',
      part: 'document',
    },
  },
};

export const organizationShape: ObjectShape = {
  kind: 'object',
  title: 'organization',
  fields: { iam: iamField },
};
