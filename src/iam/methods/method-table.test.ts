import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { AccessRule, Demand, FieldOf } from '../access-rule.ts';
import { askedOf } from '../demands.ts';
import { PolicyAuthorizer } from '../policy-authorizer.ts';
import type { Binding, PolicyRecord } from '../policy.ts';
import type { Principal } from '../principal.ts';
import { knownPermissions, roleTables } from '../roles/roles.ts';
import { policyPermission } from './method-permission.ts';
import { accessRuleOf, accessRules } from './method-table.ts';

const member = 'user:somebody@example.com';
const somebody: Principal = {
  member,
  email: 'somebody@example.com',
  groups: [],
  expiresAtMs: Infinity,
  isValid: () => true,
};
const topicOf = (): string => 'projects/p/topics/attached';

const names: Readonly<Record<string, string>> = {
  parent: 'projects/p/locations/l/keyRings/r',
  project: 'projects/p',
  resource: 'projects/p/topics/resource',
  resource_names: 'projects/p',
  service: 'projects/p/locations/l/services/s',
};
const parts: Readonly<Record<string, string>> = {
  location: 'l',
  project: 'p',
  project_id: 'p',
  revision: 'r',
  service: 's',
  service_account: 'a@p.iam.gserviceaccount.com',
};

/** A request in which every field that a rule asks about is set. */
function fieldsOf({ demands }: Pick<AccessRule, 'demands'>): FieldOf {
  const samples = demands.some(({ on }) => on.includes('{')) ? parts : names;
  return (path) => samples[path] ?? `projects/p/topics/${path}`;
}

type Asked = ReturnType<typeof askedOf>[number];

function askedBy(demand: Demand): readonly Asked[] {
  return askedOf(demand, fieldsOf({ demands: [demand] }), { topicOf }).map(
    ({ permission, resource }) => ({
      resource,
      permission: permission.startsWith('*.')
        ? policyPermission(resource, permission.slice(2))
        : permission,
    }),
  );
}

/** The role with the fewest permissions among those that hold one. */
function smallestRole(permission: string): string {
  const [role] = [...roleTables]
    .filter(([, permissions]) => permissions.has(permission))
    .toSorted(([, one], [, other]) => one.size - other.size)
    .map(([name]) => name);
  return role!;
}

/** Decides by one binding for each of `asked`, on the very resource that it is asked on. */
function authorizerFor(asked: readonly Asked[]): PolicyAuthorizer {
  const policies = new Map<string, Binding[]>();
  for (const { resource, permission } of asked) {
    const bindings = policies.get(resource) ?? [];
    bindings.push({ role: smallestRole(permission), members: [member] });
    policies.set(resource, bindings);
  }
  const policyOf = (resource: string): PolicyRecord | undefined => {
    const bindings = policies.get(resource);
    return bindings && { version: 1, bindings };
  };
  return new PolicyAuthorizer({
    policies: { policyOf, projectIdOf: (project) => project, onChange: () => () => undefined },
    directory: { uidOf: () => undefined, topicOf },
    admins: [],
    clock: new VirtualClock(),
  });
}

const passes = (asked: readonly Asked[], rule: AccessRule): boolean => {
  try {
    authorizerFor(asked).require(somebody, rule.rpc, fieldsOf(rule));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'IAM_PERMISSION_DENIED' });
    return false;
  }
};

describe('the table', () => {
  test('has one row a method, and asks for permissions that some role holds', () => {
    const names = accessRules.map(({ rpc }) => rpc);
    expect(new Set(names).size).toBe(names.length);
    for (const { demands, rpc } of accessRules) {
      for (const asked of demands.flatMap(askedBy)) {
        expect(knownPermissions, `${rpc}: ${asked.permission}`).toContain(asked.permission);
      }
    }
  });

  test.each(accessRules.map((rule) => [rule.rpc, rule] as const))(
    '%s lets whoever has all that it asks for pass, and nobody who lacks one',
    (_rpc, rule) => {
      const asked = rule.demands.flatMap(askedBy);
      expect(passes(asked, rule)).toBe(true);
      expect(passes([], rule)).toBe(asked.length === 0);
      for (const one of asked) {
        const others = asked.filter((each) => each !== one);
        const isHeldAnyway = others.some(
          ({ permission, resource }) =>
            `${one.resource}/`.startsWith(`${resource}/`) &&
            roleTables.get(smallestRole(permission))!.has(one.permission),
        );
        expect(passes(others, rule)).toBe(isHeldAnyway);
      }
    },
  );

  test('lets nobody but the operator call what has no row', () => {
    const rpc = 'google.pubsub.v1.Publisher.Unheard';
    expect(accessRuleOf(rpc)).toBeUndefined();
    expect(() => authorizerFor([]).require(somebody, rpc, () => '')).toThrowError(/operator/);
  });

  test('what is public asks for nothing', () => {
    const open = accessRules.filter(({ isPublic }) => isPublic === true);
    expect(open.map(({ rpc }) => rpc).toSorted()).toEqual([
      'grpc.health.v1.Health.Check',
      'grpc.health.v1.Health.List',
      'grpc.health.v1.Health.Watch',
      'sealpost.v1.Identity.ExchangeToken',
      'sealpost.v1.Identity.GetDiscovery',
      'sealpost.v1.Identity.GetKeys',
    ]);
    for (const { demands } of open) expect(demands).toEqual([]);
  });
});
