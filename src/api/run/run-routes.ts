import type { RunService } from '../../vault/index.ts';
import type { Route } from '../route.ts';
import { instanceMethods } from './instance-methods.ts';
import { policyMethods } from './policy-methods.ts';
import { revisionMethods } from './revision-methods.ts';
import { routesOf, type RunSurroundings } from './run-method.ts';
import { serviceMethods } from './service-methods.ts';
import { usageRoutes } from './usage-routes.ts';

/**
 * Cloud Run's Admin API v1 in its Knative form, as gcloud and `@googleapis/run` call it, with the
 * instances that it does not have.
 */
export function runRoutes(run: RunService, surroundings: RunSurroundings): Route[] {
  const methods = [
    ...policyMethods(run, surroundings.authorizer),
    ...serviceMethods(run),
    ...revisionMethods(run),
    ...instanceMethods(run),
  ];
  return [...methods.flatMap((method) => routesOf(method, surroundings)), ...usageRoutes()];
}
