import type { ServerConfig } from '../../config/index.ts';
import type { Identity } from '../../identity/index.ts';
import { externalProvider, KeyQuotas, type ExternalProvider } from '../../kms/index.ts';
import type { Metrics } from '../../metrics/index.ts';
import { createEkmTransport } from '../../outgoing/index.ts';
import type { Closers } from '../../runtime/index.ts';
import type { Address } from '../address.ts';
import { openOutgoing } from '../outgoing.ts';
import type { ServerPorts } from '../ports.ts';

/** What keys need that are not made of bytes of ours. */
export interface ExternalKeyParts {
  readonly metrics: Metrics;
  readonly identity: Identity;
  readonly address: Address;
  /** The number of a project; known once the key service runs. */
  readonly projectNumber: (projectId: string) => Promise<string>;
}

/** External key managers, at the hosts that the settings name; none if they name none. */
export function openExternalKeys(
  { metrics, identity, address, projectNumber }: ExternalKeyParts,
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
): { readonly external?: ExternalProvider } {
  if (config.ekmHosts.length === 0) return {};
  const outgoing = openOutgoing(address, { ...config, outgoingCa: config.ekmCa }, ports, closers);
  const external = externalProvider({
    ...ports,
    transport: createEkmTransport(outgoing),
    hosts: config.ekmHosts,
    // The service agent of Cloud EKM, by which a key manager knows the project that asks.
    bearer: async ({ audience, projectId }) => {
      const number = await projectNumber(projectId);
      const email = `service-${number}@gcp-sa-ekms.iam.gserviceaccount.com`;
      return await identity.idTokens.idToken({ email, audience });
    },
    deadlineMs: config.ekmDeadlineMs,
    observer: metrics.ekm,
  });
  return { external };
}

/** What HSM and EXTERNAL keys of one project and location may be used for in a second. */
export function openKeyQuotas(
  { metrics, projectNumber }: Pick<ExternalKeyParts, 'metrics' | 'projectNumber'>,
  config: ServerConfig,
  { clock }: ServerPorts,
): KeyQuotas {
  const perSecond = { HSM: config.hsmQuota, EXTERNAL: config.externalQuota };
  return new KeyQuotas({ perSecond, clock, projectNumber, observer: metrics.ekm });
}
