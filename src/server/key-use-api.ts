import { keyUseRoutes, type RequireKey, type Route } from '../api/index.ts';
import type { Broker } from '../broker/index.ts';
import { absentKeyUse } from './absent-broker.ts';
import type { KeyServices } from './key-services.ts';

/** What depends on keys; without the role broker it says that it is not served. */
export function keyUseApi(broker: Broker | undefined, services: KeyServices): Route[] {
  if (broker === undefined) return keyUseRoutes(absentKeyUse(), async () => undefined);
  return keyUseRoutes(broker, existenceIn(services));
}

/** Which keys there are in another key service is not known here: all are let pass. */
function existenceIn({ embedded, remote }: KeyServices): RequireKey {
  const { defaultKeyName } = embedded;
  return async (name) => {
    if (remote !== null && !`${name}/`.startsWith(`${defaultKeyName}/`)) return;
    await embedded.requireStored(name);
  };
}
