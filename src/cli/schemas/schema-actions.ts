import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { shortId } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { fieldLines } from '../output/table.ts';
import { messageOf, schemaOf } from './schema-input.ts';

const named = ({ arguments: [schema = ''] }: Call, { names }: Tools): string =>
  names.schema(schema);

export const createSchema: Action = async (call, tools) => {
  const name = named(call, tools);
  const id = shortId(name);
  const schema = await schemaOf(call, call.flags.text('type'));
  const parent = name.slice(0, -`/${id}`.length);
  const created = await tools.api.post(parent, schema, { query: { schemaId: id } });
  tools.out.result(created, [
    `Created ${name}, revision ${textIn(created, 'revisionId')}.`,
    `Next: sealpost topics create NAME --schema ${call.arguments[0]!} --encoding json`,
  ]);
};

/** `PROTOCOL_BUFFER` as options spell it. */
const typeText = (schema: Json): string => textIn(schema, 'type').toLowerCase().replace('_', '-');

const schemaRow = (schema: Json): string[] => [
  shortId(textIn(schema, 'name')),
  typeText(schema),
  textIn(schema, 'revisionId'),
  textIn(schema, 'revisionCreateTime'),
];

export const listSchemas: Action = async ({ flags }, { api, names, out }) => {
  const schemas = await api.list(`projects/${names.project()}/schemas`, 'schemas');
  if (flags.isSet('ids')) {
    for (const schema of schemas) out.line(shortId(textIn(schema, 'name')));
    return;
  }
  const columns = ['SCHEMA', 'TYPE', 'REVISION', 'CREATED'].map((title) => ({ title }));
  out.list(schemas, columns, schemaRow, `There are no schemas in ${names.project()}.`);
};

export const describeSchema: Action = async (call, tools) => {
  const name = tools.names.revision(call.arguments[0] ?? '');
  const schema = await tools.api.get(name);
  const [plain = ''] = name.split('@');
  const revisions = await tools.api.list(`${plain}:listRevisions`, 'schemas');
  const shown = revisions.map(
    (each) => `${textIn(each, 'revisionId')}  ${textIn(each, 'revisionCreateTime')}`,
  );
  const lines = fieldLines([
    ['Schema', name],
    ['Type', typeText(schema)],
    ['Revision', textIn(schema, 'revisionId')],
    ['Created', textIn(schema, 'revisionCreateTime')],
    ...shown.map((text, at) => [at === 0 ? 'Revisions' : '', text] as const),
  ]);
  tools.out.result({ ...schema, revisions }, [...lines, '', ...definitionLines(schema)]);
};

function definitionLines(schema: Json): string[] {
  const compiled = schema['compiledProtoSchema'] as Json | undefined;
  if (compiled !== undefined) return [`A compiled schema of ${textIn(compiled, 'rootMessage')}.`];
  return textIn(schema, 'definition').trimEnd().split('\n');
}

export const commitSchema: Action = async (call, tools) => {
  const name = named(call, tools);
  const { type } = await tools.api.get(name, { view: 'BASIC' });
  const schema = await schemaOf(call, String(type));
  const revision = await tools.api.post(`${name}:commit`, { schema });
  tools.out.result(revision, [`Revision ${textIn(revision, 'revisionId')} of ${name}.`]);
};

export const rollbackSchema: Action = async (call, tools) => {
  const name = named(call, tools);
  const revisionId = call.flags.text('revision');
  if (revisionId === undefined) {
    throw usageError('A rollback needs a revision.', 'Add --revision REVISION.');
  }
  const revision = await tools.api.post(`${name}:rollback`, { revisionId });
  const id = textIn(revision, 'revisionId');
  tools.out.result(revision, [`Revision ${id} of ${name} says what ${revisionId} says.`]);
};

export const deleteRevision: Action = async (call, tools) => {
  const text = call.arguments[0] ?? '';
  const name = tools.names.revision(text);
  if (!name.includes('@')) {
    throw usageError('No revision is named.', `Write ${text}@REVISION.`);
  }
  const schema = await tools.api.delete(`${name}:deleteRevision`);
  tools.out.result(schema, [
    `Deleted ${name}; the newest revision is ${textIn(schema, 'revisionId')}.`,
  ]);
};

export const deleteSchema: Action = async (call, tools) => {
  const name = named(call, tools);
  await tools.api.delete(name);
  tools.out.result({ name }, [`Deleted ${name}.`]);
};

export const validateSchema: Action = async (call, tools) => {
  const {
    arguments: [given],
    flags,
  } = call;
  const message = await messageOf(call);
  if (message === undefined) {
    if (given !== undefined) throw usageError('A message is needed.', 'Add --message-file FILE.');
    const schema = await schemaOf(call, flags.text('type'));
    await tools.api.post(`${checkedParent(tools)}/schemas:validate`, { schema });
    tools.out.result({}, ['The definition is valid.']);
    return;
  }
  const encoding = flags.text('encoding')?.toUpperCase();
  if (encoding === undefined) {
    throw usageError('A message needs an encoding.', 'Add --encoding json or --encoding binary.');
  }
  const name = given === undefined ? undefined : tools.names.revision(given);
  const schema = name === undefined ? await schemaOf(call, flags.text('type')) : undefined;
  const place = name === undefined ? checkedParent(tools) : projectOf(name);
  const body = { message, encoding, ...(name === undefined ? { schema } : { name }) };
  await tools.api.post(`${place}/schemas:validateMessage`, body);
  tools.out.result({}, ['The message is valid.']);
};

const projectOf = (name: string): string => name.split('/', 2).join('/');

const checkedParent = ({ names }: Tools): string => `projects/${names.project()}`;
