import type { BrokerService } from '../broker/index.ts';
import type { Clock, Entropy } from '../runtime/index.ts';
import { IAMPolicy } from '../proto/google/iam/v1/iam_policy_pb.ts';
import type { Access } from './access/access.ts';
import { authorizedMethods, authorizedRoutes } from './access/authorized.ts';
import { AdministratorQuota } from './administrator-quota.ts';
import { CallRefusals } from './audit/call-refusals.ts';
import { auditedPubsub, type PubsubAudit } from './audit/pubsub-audit.ts';
import { methodRoutes } from './http/method-routes.ts';
import { hotHandlers } from './http/pubsub-routes.ts';
import { messageTransformRoutes } from './http/transform-routes.ts';
import type { ApiMethod } from './method.ts';
import { publisherMethods } from './pubsub/publisher-methods.ts';
import { schemaMethods } from './pubsub/schema-methods.ts';
import { subscriberMethods } from './pubsub/subscriber-methods.ts';
import type { Route } from './route.ts';

/** Whose methods are served, and what stands before them. */
export interface ServedMethodsOptions {
  readonly broker: BrokerService;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly audit?: PubsubAudit;
  readonly methods?: readonly ApiMethod[];
  readonly routes: readonly Route[];
  readonly administratorQuota?: number;
}

/** A method that is answered: over REST at a path, or over gRPC where there is none. */
export interface ServedMethod extends Partial<Pick<Route, 'method' | 'template'>> {
  readonly rpc: string;
}

/** All methods that both wires share, and all routes, each behind `access`. */
export function servedMethods(
  options: ServedMethodsOptions,
  access: Access,
): { readonly methods: readonly ApiMethod[]; readonly routes: readonly Route[] } {
  const { broker, clock, entropy, audit } = options;
  const refusals = audit && new CallRefusals(audit.writer, audit.recordsReads, access);
  const door = { access, refusals };
  const pubsub = [
    ...publisherMethods(broker),
    ...subscriberMethods(broker, entropy),
    ...schemaMethods(broker),
  ];
  const limited = new AdministratorQuota(options.administratorQuota ?? 0, clock).limited(pubsub);
  const methods = [
    ...auditedPubsub(authorizedMethods(limited, { access }), broker, audit, access),
    ...authorizedMethods(options.methods ?? [], door),
  ];
  const services = new Set([...methods.map(({ desc }) => desc.parent), IAMPolicy]);
  const routes = [
    ...methodRoutes([...services], methods, hotHandlers(broker, access)),
    ...authorizedRoutes(messageTransformRoutes(broker), door),
    ...authorizedRoutes(options.routes, door),
  ];
  return { methods, routes };
}
