import { describe, expect, test } from 'vitest';
import { keyName, openKmsBench, ringName } from '../../../test/support/embedded-kms.ts';
import type { EmbeddedKeyService } from '../embedded-key-service.ts';
import type { IamPolicy, NewIamPolicy } from '../../iam/index.ts';
import { type LogFields, silentLogger } from '../../runtime/index.ts';
import { startKeyService } from '../start-key-service.ts';
import type { KeyCaller, KeyChange } from '../key-service.ts';
import { operatorMember } from './key-access.ts';

const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };
const binding = (...members: string[]): { role: string; members: string[] } => ({ role, members });
const condition = {
  title: 'in time',
  expression: 'request.time < timestamp("2030-01-01T00:00:00Z")',
};
const conditional = { ...binding('user:a@b.c'), condition };

/** The policies as the operator of the API reads and sets them. */
class Operator {
  readonly service: EmbeddedKeyService;

  constructor(service: EmbeddedKeyService) {
    this.service = service;
  }

  get(resource: string, version?: number): Promise<IamPolicy> {
    return this.service.policies.get(resource, operator, version);
  }

  set(resource: string, policy: NewIamPolicy): Promise<IamPolicy> {
    return this.service.policies.set(resource, policy, operator);
  }

  test(resource: string, permissions: readonly string[], member: string = operatorMember) {
    return this.service.policies.test(resource, permissions, { ...operator, member });
  }
}

const open = async (): Promise<Operator> => new Operator((await openKmsBench()).service);

describe('IAM policies', () => {
  test('begin empty under the etag ACAB, and get another etag with each write', async () => {
    const policies = await open();
    expect(await policies.get(keyName)).toEqual({ version: 1, etag: 'ACAB', bindings: [] });
    const one = await policies.set(keyName, { bindings: [binding('user:a@b.c')] });
    expect(one).toEqual({
      version: 1,
      etag: 'BwAAAAAAAAE=',
      bindings: [{ role, members: ['user:a@b.c'] }],
    });
    expect(await policies.get(keyName)).toEqual(one);
    const two = await policies.set(keyName, { etag: one.etag, bindings: [] });
    expect(two.etag).not.toBe(one.etag);
    expect(await policies.get(ringName)).toMatchObject({ etag: 'ACAB' });
  });

  test.each([keyName, ringName, 'projects/p'])(
    'a stale etag on %s is ABORTED with the sentence that clients retry on',
    async (resource) => {
      const policies = await open();
      const { etag } = await policies.set(resource, { bindings: [] });
      for (const stale of ['ACAB', 'BwAAAAAAAAI=', 'nonsense!']) {
        await expect(policies.set(resource, { etag: stale, bindings: [] })).rejects.toMatchObject({
          code: 'ABORTED',
          reason: 'ETAG_MISMATCH',
          message:
            'There were concurrent policy changes. Please retry the whole read-modify-write with ' +
            `exponential backoff. The request's ETag '${stale}' did not match the current policy's ETag '${etag}'.`,
        });
      }
    },
  );

  test('of many read-modify-writes at once one wins, and retries lose none', async () => {
    const policies = await open();
    const first = await policies.get(keyName);
    const members = Array.from({ length: 8 }, (_, i) => `user:u${i}@b.c`);
    const race = await Promise.allSettled(
      members.map((member) =>
        policies.set(keyName, { etag: first.etag, bindings: [binding(member)] }),
      ),
    );
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const lost of race.filter(({ status }) => status === 'rejected')) {
      expect(lost).toMatchObject({ reason: { code: 'ABORTED' } });
    }
    const add = async (member: string): Promise<void> => {
      const { etag, bindings } = await policies.get(keyName);
      const all = [...(bindings[0]?.members ?? []), member];
      await policies
        .set(keyName, { etag, bindings: [binding(...all)] })
        .catch((error: { code: string }) => {
          expect(error.code).toBe('ABORTED');
          return add(member);
        });
    };
    await Promise.all(members.map(add));
    expect((await policies.get(keyName)).bindings[0]!.members.toSorted()).toEqual(members);
  });

  test('bindings of one role are joined, members kept once, empty ones dropped', async () => {
    const policies = await open();
    const { bindings } = await policies.set(keyName, {
      version: 3,
      bindings: [
        binding('user:a@b.c'),
        binding('user:d@e.f', 'user:a@b.c'),
        { role: 'roles/viewer', members: [] },
      ],
    });
    expect(bindings).toEqual([{ role, members: ['user:a@b.c', 'user:d@e.f'] }]);
  });

  test('what cannot be understood is refused, and changes nothing', async () => {
    const policies = await open();
    await expect(policies.set(keyName, { bindings: [binding('a@b.c')] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        'The member a@b.c is of an unknown type. Please set a valid type prefix for the member.',
    });
    const many = Array.from({ length: 1501 }, (_, i) => `user:${i}@b.c`);
    const wrong: NewIamPolicy[] = [
      { version: 2, bindings: [] },
      { bindings: [{ ...binding('user:a@b.c'), role: 'owner' }] },
      { bindings: [{ ...binding('user:a@b.c'), role: `${role}_withcond_0123456789abcdef0123` }] },
      { bindings: [binding(...many)] },
      { bindings: [conditional] },
      { version: 1, bindings: [conditional] },
      { version: 3, bindings: [{ ...conditional, condition: { ...condition, expression: '' } }] },
      { version: 3, bindings: [{ ...conditional, condition: { expression: 'true' } }] },
      {
        version: 3,
        bindings: [
          {
            ...conditional,
            condition: { title: 't', expression: 'resource.matchTag("a/b", "c")' },
          },
        ],
      },
    ];
    for (const policy of wrong) {
      await expect(policies.set(keyName, policy)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect((await policies.get(keyName)).etag).toBe('ACAB');
    await expect(policies.get(keyName, 2)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('stand on projects, on rings and keys that exist, and on nothing else', async () => {
    const policies = await open();
    await expect(policies.get(`${keyName}x`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(policies.set(`${ringName}x`, { bindings: [] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    for (const name of [`${keyName}/cryptoKeyVersions/1`, 'projects/p/locations/global', 'x']) {
      await expect(policies.get(name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    // Known by its number, too, once an agent was asked for.
    const agent = await policies.service.pubsubServiceAgent('sealpost-internal');
    const number = /service-([0-9]+)@/.exec(agent)![1]!;
    for (const project of ['sealpost-internal', number]) {
      const name = `projects/${project}`;
      const denied = { code: 'PERMISSION_DENIED' };
      await expect(policies.get(name)).rejects.toMatchObject(denied);
      await expect(policies.set(name, { bindings: [] })).rejects.toMatchObject(denied);
      await expect(policies.service.projects.get(project)).rejects.toMatchObject(denied);
    }
  });
});

describe('the policy of a project', () => {
  test('is one under its id and its number, and of no other project', async () => {
    const policies = await open();
    const { projectNumber } = await policies.service.projects.get('p');
    const set = await policies.set(`projects/${projectNumber}`, {
      bindings: [binding('user:a@b.c')],
    });
    expect(await policies.get('projects/p')).toEqual(set);
    expect((await policies.get('projects/p2')).etag).toBe('ACAB');
    await expect(policies.get('projects/4711')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('announces its change by id and by number', async () => {
    const policies = await open();
    const { projectNumber } = await policies.service.projects.get('p');
    const heard: KeyChange[] = [];
    policies.service.onChange((change) => heard.push(change));
    await policies.set('projects/p', { bindings: [] });
    expect(heard).toEqual([
      { resource: 'projects/p', kind: 'iam' },
      { resource: `projects/${projectNumber}`, kind: 'iam' },
    ]);
  });
});

describe('conditions', () => {
  test('are shown to version 3 alone; below it the role says that there is one', async () => {
    const policies = await open();
    const set = await policies.set(keyName, {
      version: 3,
      bindings: [binding('user:d@e.f'), conditional],
    });
    expect(set).toMatchObject({ version: 3, bindings: [binding('user:d@e.f'), conditional] });
    expect(await policies.get(keyName, 3)).toEqual(set);
    for (const version of [undefined, 0, 1]) {
      const { bindings, ...rest } = await policies.get(keyName, version);
      expect(rest).toEqual({ version: 1, etag: set.etag });
      expect(bindings).toEqual([
        binding('user:d@e.f'),
        { role: expect.stringMatching(`^${role}_withcond_[0-9a-f]{20}$`), members: ['user:a@b.c'] },
      ]);
    }
  });

  test('a policy without any is of version 1, whatever was asked for', async () => {
    const policies = await open();
    await policies.set(keyName, { version: 3, bindings: [binding('user:a@b.c')] });
    expect((await policies.get(keyName, 3)).version).toBe(1);
  });

  test('are not lost by who writes back what was read in version 1', async () => {
    const policies = await open();
    const { etag } = await policies.set(keyName, { version: 3, bindings: [conditional] });
    const bindings = [binding('user:a@b.c')];
    await expect(policies.set(keyName, { version: 1, etag, bindings })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        'Specified policy version (1) cannot be less than the existing policy version (3). For more ' +
        'information, please refer to https://cloud.google.com/iam/docs/policies#versions.',
    });
    expect((await policies.get(keyName, 3)).bindings).toEqual([conditional]);
    // "If you omit this field, then IAM allows you to overwrite a version 3 policy with a version 1".
    expect(await policies.set(keyName, { bindings })).toMatchObject({ version: 1, bindings });
  });

  test('two conditions of one role are two bindings, the same condition is one', async () => {
    const policies = await open();
    const other = { ...condition, title: 'other' };
    const { bindings } = await policies.set(keyName, {
      version: 3,
      bindings: [
        conditional,
        { ...conditional, members: ['user:d@e.f'] },
        { ...conditional, condition: other },
      ],
    });
    expect(bindings).toEqual([
      { ...conditional, members: ['user:a@b.c', 'user:d@e.f'] },
      { ...conditional, condition: other },
    ]);
  });
});

test('what is stored and grants nothing is logged as a warning, once for each binding', async () => {
  const bench = await openKmsBench();
  const warnings: object[] = [];
  const warn = (fields: LogFields): void => void warnings.push(fields);
  const service = await startKeyService({ ...bench, log: { ...silentLogger, warn } });
  const bindings = [
    binding('user:a@b.c'),
    conditional,
    { role: 'projects/p/roles/custom', members: ['user:a@b.c'] },
  ];
  await service.setIamPolicy(keyName, { version: 3, bindings }, operator);
  expect(warnings).toMatchObject([{ resource: keyName, role: 'projects/p/roles/custom' }]);
});

test('a policy is at most 256 KiB: it is read for each use of a key', async () => {
  const policies = await open();
  const bindings = (count: number) => [
    binding(...Array.from({ length: count }, (_, i) => `user:${String(i).padStart(495, 'a')}@b.c`)),
  ];
  await policies.set(ringName, { version: 3, bindings: bindings(500) });
  await expect(
    policies.set(ringName, { version: 3, bindings: bindings(530) }),
  ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

describe('testIamPermissions', () => {
  const asked = ['cloudkms.cryptoKeys.get', 'cloudkms.cryptoKeyVersions.useToEncrypt'];

  test('gives the operator all that is a permission, and refuses wildcards', async () => {
    const policies = await open();
    expect(await policies.test(keyName, asked)).toEqual(asked);
    expect(await policies.test('projects/p', asked)).toEqual(asked);
    await expect(policies.test(keyName, ['cloudkms.*'])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('gives anybody else what roles on the resource and above it hold', async () => {
    const policies = await open();
    expect(await policies.test(keyName, asked, 'user:a@b.c')).toEqual([]);
    await policies.set(ringName, { bindings: [binding('user:a@b.c')] });
    expect(await policies.test(keyName, asked, 'user:a@b.c')).toEqual([asked[1]]);
    await policies.set('projects/p', {
      bindings: [{ role: 'roles/viewer', members: ['user:a@b.c'] }],
    });
    expect(await policies.test(keyName, asked, 'user:a@b.c')).toEqual(asked);
    expect(await policies.test('projects/p', asked, 'user:a@b.c')).toEqual([asked[0]]);
  });

  test('is asked for 100 permissions at once at most', async () => {
    const policies = await open();
    const hundred = Array.from({ length: 100 }, () => asked[0]!);
    for (const member of [operatorMember, 'user:a@b.c']) {
      await expect(policies.test(keyName, hundred, member)).resolves.toBeDefined();
      await expect(policies.test(keyName, [...hundred, asked[1]!], member)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
  });

  test('gives nothing where nothing is', async () => {
    expect(await (await open()).test(`${keyName}x`, asked)).toEqual([]);
  });
});
