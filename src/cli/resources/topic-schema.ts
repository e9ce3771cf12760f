import { usageError } from '../command/command-error.ts';
import type { Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { shortId } from '../connection/resource-names.ts';

const parts = [
  { option: 'schema', field: 'schema', path: 'schema' },
  { option: 'encoding', field: 'encoding', path: 'encoding' },
  { option: 'first-revision', field: 'firstRevisionId', path: 'first_revision_id' },
  { option: 'last-revision', field: 'lastRevisionId', path: 'last_revision_id' },
] as const;

/** What a command says of a topic's schema: the settings' fields that it names, and their paths. */
export function schemaSettings(
  call: Call,
  { names }: Tools,
): { readonly fields: Json; readonly paths: readonly string[] } {
  const given = parts.filter(({ option }) => call.flags.isSet(option));
  if (given.length === 0) return { fields: {}, paths: [] };
  const settings = Object.fromEntries(
    given.map(({ option, field }) => {
      const text = call.flags.text(option)!;
      if (option === 'schema') return [field, names.schema(text)];
      return [field, option === 'encoding' ? text.toUpperCase() : text];
    }),
  );
  return {
    fields: { schemaSettings: settings },
    paths: given.map(({ path }) => `schema_settings.${path}`),
  };
}

/** The same of an update, which may take the schema away. */
export function changedSchemaSettings(call: Call, tools: Tools): ReturnType<typeof schemaSettings> {
  const settings = schemaSettings(call, tools);
  if (!call.flags.isSet('clear-schema')) return settings;
  if (settings.paths.length === 0) return { fields: {}, paths: ['schema_settings'] };
  throw usageError('--clear-schema contradicts what is said of the schema.');
}

/** `order as json, revisions c7cfa2a8 to 1f2e3d4c`; empty without one. */
export function schemaText(topic: Json): string {
  const settings = topic['schemaSettings'] as Json | undefined;
  if (settings === undefined) return '';
  const schema = `${shortId(textIn(settings, 'schema'))} as ${textIn(settings, 'encoding').toLowerCase()}`;
  const first = textIn(settings, 'firstRevisionId');
  const last = textIn(settings, 'lastRevisionId');
  if (first === '' && last === '') return schema;
  if (last === '') return `${schema}, from revision ${first}`;
  return first === ''
    ? `${schema}, up to revision ${last}`
    : `${schema}, revisions ${first} to ${last}`;
}
