import { wipe } from '../../crypto/index.ts';
import { readPlain, sealRecordAt } from './open-root-key.ts';
import { previousIdAt } from './previous-root-key.ts';
import type { SealParameters, SealSource } from './seals/seal-record.ts';

export interface RootKeyStatus {
  readonly id: string;
  readonly path: string;
  readonly source: SealSource;
  /** Of the seal: scrypt's costs, the token's label. No secret. */
  readonly parameters: SealParameters;
  /** The key before, while stored keys are still wrapped anew; null: none. */
  readonly previousId: string | null;
}

/** What the files say; opens no seal. @throws RootKeyError if they are damaged or let others in */
export function rootKeyStatusAt(path: string): RootKeyStatus {
  const record = sealRecordAt(path);
  const id = record?.id ?? plainIdAt(path);
  const { source = 'file', parameters = {} } = record ?? {};
  const previousId = previousIdAt(path, id);
  return { id, path, source, parameters: publicPart(parameters), previousId };
}

function plainIdAt(path: string): string {
  const { id, bytes } = readPlain(path);
  wipe(bytes);
  return id;
}

/** Salts and vectors say nothing to anybody. */
function publicPart(parameters: SealParameters): SealParameters {
  const { salt: _, iv: __, ...rest } = parameters;
  return rest;
}
