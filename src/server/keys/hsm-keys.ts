import type { ServerConfig } from '../../config/index.ts';
import { hsmProvider } from '../../kms/index.ts';
import { Token } from '../../pkcs11/index.ts';
import type { Closers } from '../../runtime/index.ts';
import type { ServerPorts } from '../ports.ts';
import { tokenPlaceOf } from '../root-key-settings.ts';

/**
 * The keys of protection level HSM, on the token that the options name; none if they name none.
 * A token that is away at the start is a warning: the other keys do not need it.
 */
export function openHsmKeys(
  config: ServerConfig,
  { clock, entropy, log }: ServerPorts,
  closers: Closers,
): { readonly hsm?: ReturnType<typeof hsmProvider> } {
  const place = tokenPlaceOf(config);
  if (place === null) return {};
  const token = new Token({ place, clock, log });
  closers.add(() => token.close());
  // Its failure is logged where it happens, and told to every call that needs the token.
  void token.open().catch(() => undefined);
  return { hsm: hsmProvider({ token, entropy }) };
}
