import type { Declaration } from '../document/declaration.ts';
import type { DeclaredKeyFile } from '../document/declared-resources.ts';
import type { FileAccess } from '../file-access.ts';
import { isObject, textIn, type Json, type JsonObject } from '../json.ts';
import type { Problem } from '../document/problem.ts';
import { find, type ResourceApi } from '../resource-api.ts';
import type { Step } from './step.ts';

const fileBytesMax = 64 * 1024;
const keyId = /^[\w-]{1,100}$/;

/**
 * The step that makes an account's file of credentials: where there is none, or where its key is
 * not known to the server. A file of anything else is a problem, and is never overwritten.
 */
export async function keyFileStep(
  declared: DeclaredKeyFile,
  { places }: Pick<Declaration, 'places'>,
  api: ResourceApi,
  files: FileAccess,
): Promise<Step | Problem | undefined> {
  const { email, accountName, file, path } = declared;
  let held: JsonObject | null;
  try {
    held = credentialsIn(files.read(file, fileBytesMax));
  } catch (error) {
    return places.problem(
      path,
      `${file} ${error instanceof Error ? error.message : 'is unreadable'}`,
    );
  }
  if (held !== null) {
    const id = textIn(held, 'private_key_id');
    if (textIn(held, 'client_email') !== email || !keyId.test(id)) {
      return places.problem(path, `${file} is no credentials file of ${email}`);
    }
    if ((await find(api, `${accountName}/keys/${id}`)) !== null) return undefined;
  }
  return {
    action: held === null ? 'create' : 'update',
    noun: 'key file',
    name: file,
    changes: [{ path: ['client_email'], from: undefined, to: email }],
    perform: (api) => makeKeyFile(declared, api, files),
  };
}

async function makeKeyFile(
  { accountName, file }: DeclaredKeyFile,
  api: ResourceApi,
  files: FileAccess,
): Promise<void> {
  const made = await api({ method: 'POST', path: `${accountName}/keys`, body: {} });
  const credentials = Buffer.from(textIn(made, 'privateKeyData'), 'base64');
  try {
    files.writePrivate(file, credentials);
  } catch (error) {
    // A key that nobody has is of no use to anybody.
    await api({ method: 'DELETE', path: textIn(made, 'name') });
    throw error;
  } finally {
    credentials.fill(0);
  }
}

/** Null for no file, an empty object for one of another kind. */
function credentialsIn(bytes: Uint8Array | null): JsonObject | null {
  if (bytes === null) return null;
  try {
    const parsed = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
