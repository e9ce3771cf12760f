import { readFile } from 'node:fs/promises';

import { CommandError, usageError } from '../command/command-error.ts';
import type { Call } from '../command/command-spec.ts';
import type { Json } from '../connection/rest-api.ts';

/** What a command says a schema is, for the API. */
export async function schemaOf(call: Call, type: string | undefined): Promise<Json> {
  if (type === undefined) {
    throw usageError('A definition needs a type.', 'Add --type avro or --type protocol-buffer.');
  }
  const definition = await oneOf(call, 'definition');
  if (definition === undefined) {
    throw usageError('A definition is needed.', 'Add --definition-file FILE or --definition TEXT.');
  }
  return { type: type.toUpperCase().replace('-', '_'), definition: definition.toString('utf8') };
}

/** The message of a command in base64; undefined if it has none. */
export async function messageOf(call: Call): Promise<string | undefined> {
  return (await oneOf(call, 'message'))?.toString('base64');
}

/** Of `--X TEXT` or `--X-file FILE`. */
async function oneOf({ flags }: Call, option: string): Promise<Buffer | undefined> {
  const text = flags.text(option);
  const path = flags.text(`${option}-file`);
  if (text !== undefined && path !== undefined) {
    throw usageError(`Give one of --${option} and --${option}-file.`);
  }
  if (text !== undefined) return Buffer.from(text);
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new CommandError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}
