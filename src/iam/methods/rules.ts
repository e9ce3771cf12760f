import type { AccessRule, Demand, DemandPlace } from '../access-rule.ts';

/** `permission` on what the field `on` names. */
export function demand(permission: string, on: string, at?: DemandPlace): Demand {
  return { permission, on, ...(at === undefined ? {} : { at }) };
}

/** The same on its project. */
export function inProject(permission: string, on: string): Demand {
  return demand(permission, on, 'project');
}

/** Asked only if the field is set. */
export function ifSet(asked: Demand): Demand {
  return { ...asked, isOptional: true };
}

/** On the server itself. */
export function onServer(permission: string): Demand {
  return demand(permission, 'server');
}

/** Whether the caller may let something run under the account whose email the field holds. */
export function actAs(on: string): Demand {
  return ifSet(demand('iam.serviceAccounts.actAs', on, 'serviceAccount'));
}

/** Rules of a service's methods, by their short names. */
export function rulesOf(
  service: string,
  methods: Readonly<Record<string, readonly Demand[]>>,
): AccessRule[] {
  return Object.entries(methods).map(([name, demands]) => ({ rpc: `${service}.${name}`, demands }));
}

/** Rules of methods that are answered without authentication. */
export function publicRules(service: string, names: readonly string[]): AccessRule[] {
  return names.map((name) => ({ rpc: `${service}.${name}`, demands: [], isPublic: true }));
}
