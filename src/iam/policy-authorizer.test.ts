import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';

import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Binding, PolicyRecord } from './policy.ts';
import { PolicyAuthorizer } from './policy-authorizer.ts';
import { operator, type Principal } from './principal.ts';

const ring = 'projects/p/locations/l/keyRings/r';
const key = `${ring}/cryptoKeys/k`;
const topic = 'projects/p/topics/orders';

function principal(member: string, groups: readonly string[] = []): Principal {
  return { member, email: member, groups, expiresAtMs: Infinity, isValid: () => true };
}

const ann = principal('user:ann@example.com');

/** Policies that a test sets, and a directory of topics. */
class World {
  readonly clock = new VirtualClock();
  readonly policies = new Map<string, PolicyRecord>();
  readonly uids = new Map<string, string>();
  readonly topics = new Map<string, string>();
  readonly authorizer: PolicyAuthorizer;
  #listeners: (() => void)[] = [];

  constructor(admins: readonly string[] = []) {
    this.authorizer = new PolicyAuthorizer({
      policies: {
        policyOf: (resource) => this.policies.get(resource),
        projectIdOf: (project) => (project === '123' ? 'p' : project),
        onChange: (listener) => {
          this.#listeners.push(listener);
          return () => undefined;
        },
      },
      directory: {
        uidOf: (resource) => this.uids.get(resource),
        topicOf: (subscription) => this.topics.get(subscription),
      },
      admins,
      clock: this.clock,
    });
  }

  set(resource: string, bindings: readonly Binding[], uid?: string): void {
    this.policies.set(resource, { version: 3, bindings, ...(uid !== undefined && { uid }) });
    for (const listener of this.#listeners) listener();
  }

  may(who: Principal, permission: string, resource: string): boolean {
    return this.authorizer.isGranted(who, permission, resource);
  }
}

const grant = (role: string, ...members: string[]): Binding => ({ role, members });

describe('a decision', () => {
  test('is that of a model of bindings, whatever is granted, removed and asked in between', () => {
    const above: Readonly<Record<string, readonly string[]>> = {
      [key]: [key, ring, 'projects/p', 'organizations/sealpost'],
      [`${key}/cryptoKeyVersions/1`]: [key, ring, 'projects/p', 'organizations/sealpost'],
      [ring]: [ring, 'projects/p', 'organizations/sealpost'],
      [topic]: [topic, 'projects/p', 'organizations/sealpost'],
      'projects/123/topics/other': [
        'projects/123/topics/other',
        'projects/p',
        'organizations/sealpost',
      ],
      'projects/123': ['projects/p', 'organizations/sealpost'],
      'projects/q': ['projects/q', 'organizations/sealpost'],
      nonsense: ['organizations/sealpost'],
    };
    const roles: Readonly<Record<string, readonly string[]>> = {
      'roles/pubsub.publisher': ['pubsub.topics.publish'],
      'roles/cloudkms.cryptoKeyDecrypter': ['cloudkms.cryptoKeyVersions.useToDecrypt'],
      'roles/owner': ['pubsub.topics.publish', 'cloudkms.cryptoKeyVersions.useToDecrypt'],
      'projects/p/roles/custom': [],
    };
    const people = [
      ann,
      principal('serviceAccount:a@p.iam.gserviceaccount.com'),
      principal('user:bob@example.com', ['domain:example.com', 'principalSet://i/group/g']),
    ];
    const members = [
      'user:ANN@example.com',
      'serviceAccount:a@p.iam.gserviceaccount.com',
      'domain:example.com',
      'principalSet://i/group/g',
      'principalSet://i/group/G',
      'allAuthenticatedUsers',
      'deleted:user:ann@example.com?uid=1',
    ];
    const isMember = (who: Principal, member: string): boolean =>
      member === 'allAuthenticatedUsers' ||
      [who.member, ...who.groups].includes(
        member.startsWith('user:') ? member.toLowerCase() : member,
      );
    const binding = fc.record({
      role: fc.constantFrom(...Object.keys(roles)),
      members: fc.array(fc.constantFrom(...members), { minLength: 1, maxLength: 2 }),
    });
    const step = fc.record({
      set: fc.constantFrom(...new Set(Object.values(above).flat())),
      bindings: fc.array(binding, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const world = new World();
        for (const { set, bindings } of steps) {
          world.set(set, bindings);
          for (const [resource, chain] of Object.entries(above)) {
            for (const who of people) {
              for (const permission of roles['roles/owner']!) {
                const expected = chain.some((name) =>
                  world.policies
                    .get(name)
                    ?.bindings.some(
                      (each) =>
                        roles[each.role]!.includes(permission) &&
                        each.members.some((member) => isMember(who, member)),
                    ),
                );
                expect(world.may(who, permission, resource)).toBe(expected);
              }
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('ends in the millisecond that a condition names', async () => {
    const world = new World();
    const end = new Date(world.clock.wallMs() + 1_000).toISOString();
    const condition = { title: 'soon', expression: `request.time < timestamp("${end}")` };
    world.set(topic, [{ ...grant('roles/pubsub.publisher', ann.member), condition }]);
    await world.clock.advance(999);
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(true);
    await world.clock.advance(1);
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(false);
  });

  test('by a condition on the project is about the resource that is used', () => {
    const world = new World();
    const expression = `resource.type == "pubsub.googleapis.com/Topic" && resource.name == "${topic}"`;
    const condition = { title: 'one', expression };
    world.set('projects/p', [{ ...grant('roles/pubsub.publisher', ann.member), condition }]);
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(true);
    expect(world.may(ann, 'pubsub.topics.publish', `${topic}2`)).toBe(false);
  });

  test('by a stored condition that is not evaluated here is no', () => {
    const world = new World();
    const condition = { title: 'tagged', expression: '!resource.matchTag("a/b", "c")' };
    world.set('projects/p', [{ ...grant('roles/owner', ann.member), condition }]);
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(false);
  });

  test('by the policy of a topic says nothing of a later topic of the same name', () => {
    const world = new World();
    world.uids.set(topic, 'first');
    world.set(topic, [grant('roles/pubsub.publisher', ann.member)], 'first');
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(true);
    world.uids.delete(topic);
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(false);
    world.uids.set(topic, 'second');
    expect(world.may(ann, 'pubsub.topics.publish', topic)).toBe(false);
  });
});

describe('who may do everything', () => {
  test('is the operator, and each --admin in any spelling, whatever the policies say', () => {
    const world = new World(['user:Ann@Example.com']);
    for (const who of [operator, ann]) {
      expect(world.may(who, 'sealpost.rootKey.reseal', 'organizations/sealpost')).toBe(true);
      expect(() => world.authorizer.require(who, 'no.such.Method', () => '')).not.toThrow();
    }
    expect(world.may(principal('user:bob@example.com'), 'pubsub.topics.get', topic)).toBe(false);
  });

  test('is nobody without a name', () => {
    expect(new World().may(principal(''), 'pubsub.topics.get', topic)).toBe(false);
    expect(new World(['user:ann@example.com']).may(principal(''), 'x.y', topic)).toBe(false);
  });
});

test('whoever names more than any method takes is asked as if for everything, and once', () => {
  const world = new World();
  world.set('projects/p', [grant('roles/owner', ann.member)]);
  const list = (count: number): void => {
    const names = Array.from({ length: count }, (_, at) => `projects/p/x/${at}`);
    const rpc = 'google.logging.v2.LoggingServiceV2.ListLogEntries';
    world.authorizer.require(ann, rpc, (path) => (path === 'resource_names' ? names : ''));
  };
  list(100);
  const get = vi.spyOn(world.policies, 'get');
  expect(() => list(100_000)).toThrow('Permission denied');
  expect(get).toHaveBeenCalledTimes(1);
});

describe('what is kept of decisions', () => {
  /** How often policies are looked at for a decision that was made before. */
  const looks = (world: World, who: Principal, name: string): number => {
    const get = vi.spyOn(world.policies, 'get');
    world.may(who, 'pubsub.topics.get', name);
    const count = get.mock.calls.length;
    get.mockRestore();
    return count;
  };

  test('saves a look at policies, but not for a name that no resource can have', () => {
    const world = new World();
    const long = `projects/p/topics/${'x'.repeat(100_000)}`;
    for (const name of [topic, long]) world.may(ann, 'pubsub.topics.get', name);
    expect(looks(world, ann, topic)).toBe(0);
    expect(looks(world, ann, long)).toBeGreaterThan(0);
  });

  test('is bounded for all together, however many tokens ask about whatever names', () => {
    const world = new World();
    world.may(ann, 'pubsub.topics.get', topic);
    for (let token = 0; token < 100; token++) {
      const who = principal(`user:${token}@example.com`);
      for (let at = 0; at < 1_000; at++) {
        world.may(who, 'pubsub.topics.get', `projects/p/topics/${at}`);
      }
    }
    expect(looks(world, ann, topic)).toBeGreaterThan(0);
    expect(looks(world, ann, topic)).toBe(0);
  });
});

describe('a refusal', () => {
  const world = new World();
  const refused = (rpc: string, fields: Readonly<Record<string, string>>): unknown => {
    try {
      world.authorizer.require(ann, rpc, (path) => fields[path] ?? '');
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };

  test("is in the words of the permission's service", () => {
    expect(refused('google.pubsub.v1.Publisher.Publish', { topic })).toBe(
      'User not authorized to perform this action.',
    );
    expect(refused('google.cloud.kms.v1.KeyManagementService.GetCryptoKey', { name: key })).toBe(
      `Permission 'cloudkms.cryptoKeys.get' denied on resource '${key}' (or it may not exist).`,
    );
    const place = { project: 'p', location: 'l', service: 's' };
    expect(refused('google.cloud.run.v1.Services.GetService', place)).toBe(
      "Permission 'run.services.get' denied on resource 'projects/p/locations/l/services/s' (or resource may not exist).",
    );
    expect(
      refused('google.logging.v2.LoggingServiceV2.ListLogEntries', {
        resource_names: 'projects/p',
      }),
    ).toBe('Permission denied for all log views');
  });

  test('of a policy depends on what the policy stands on', () => {
    const rpc = 'google.iam.v1.IAMPolicy.SetIamPolicy';
    expect(refused(rpc, { resource: 'projects/p' })).toContain(
      "'resourcemanager.projects.setIamPolicy'",
    );
    expect(refused(rpc, { resource: ring })).toContain("'cloudkms.keyRings.setIamPolicy'");
    expect(refused(rpc, { resource: topic })).toBe('User not authorized to perform this action.');
  });

  test('meets who detaches a subscription on its topic, and of what is gone on its project', () => {
    const rpc = 'google.pubsub.v1.Publisher.DetachSubscription';
    const subscription = 'projects/q/subscriptions/s';
    const own = new World();
    own.topics.set(subscription, topic);
    own.set(topic, [grant('roles/pubsub.editor', ann.member)]);
    const detach = (): void => own.authorizer.require(ann, rpc, () => subscription);
    expect(detach).not.toThrow();
    own.topics.delete(subscription);
    expect(detach).toThrow();
  });
});
