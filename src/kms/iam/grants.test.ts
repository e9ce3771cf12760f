import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openKmsBench, type KmsBench } from '../../../test/support/embedded-kms.ts';
import type { KeyCaller } from '../key-service.ts';
import { operatorMember } from './key-access.ts';

const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };
const empty = new Uint8Array(0);
const ring = 'projects/p/locations/global/keyRings/r';
const key = `${ring}/cryptoKeys/k`;
const roleOf = {
  both: 'roles/cloudkms.cryptoKeyEncrypterDecrypter',
  encrypt: 'roles/cloudkms.cryptoKeyEncrypter',
  decrypt: 'roles/cloudkms.cryptoKeyDecrypter',
  none: 'projects/p/roles/custom',
} as const;
type RoleKey = keyof typeof roleOf;

async function mayEncrypt(
  { service }: KmsBench,
  member: string,
  name: string = key,
): Promise<boolean> {
  const request = { name, plaintext: new Uint8Array(8), additionalAuthenticatedData: empty };
  const caller: KeyCaller = { member, reason: 'CUSTOMER_INITIATED_ACCESS' };
  return await service.encrypt(request, caller).then(
    () => true,
    (error: { code: string; message: string }) => {
      expect(error).toMatchObject({
        code: 'PERMISSION_DENIED',
        message: `Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '${name}' (or it may not exist).`,
      });
      return false;
    },
  );
}

describe('a service agent', () => {
  test('may use a key exactly if a model of bindings says so, whatever is granted and removed', async () => {
    const bench = await openKmsBench();
    const { service } = bench;
    const agents = {
      pubsub: await service.pubsubServiceAgent('topics'),
      run: await service.runServiceAgent('topics'),
    };
    const number = await service.projects.numberOf('topics');
    const shortRun = `serviceAccount:${number}@serverless-robot-prod.iam.gserviceaccount.com`;
    const resources = [key, ring, 'projects/p', `${ring}/cryptoKeys/other`, 'projects/p2'];
    await bench.service.createCryptoKey(
      {
        parent: ring,
        id: 'other',
        purpose: 'ENCRYPT_DECRYPT',
        labels: {},
        versionTemplate: { protectionLevel: 'SOFTWARE' },
        skipInitialVersion: false,
      },
      operator,
    );
    const step = fc.record({
      resource: fc.constantFrom(...resources),
      grants: fc.array(
        fc.record({
          role: fc.constantFrom<RoleKey>('both', 'encrypt', 'decrypt', 'none'),
          member: fc.constantFrom(agents.pubsub, agents.run, shortRun, 'user:a@b.c'),
          condition: fc.constantFrom('', 'true', 'false', 'resource.name == "a"'),
        }),
        { maxLength: 3 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const model = new Map<string, (typeof steps)[number]['grants']>();
        for (const resource of resources)
          await service.policies.set(resource, { bindings: [] }, operator);
        for (const { resource, grants } of steps) {
          model.set(resource, grants);
          const bindings = grants.map(({ role, member, condition: expression }) => ({
            role: roleOf[role],
            members: [member],
            ...(expression !== '' && { condition: { title: 'when', expression } }),
          }));
          await service.policies.set(resource, { version: 3, bindings }, operator);
          for (const [name, member] of Object.entries(agents)) {
            const expected = [key, ring, 'projects/p'].some((above) =>
              model
                .get(above)
                ?.some(
                  (grant) =>
                    ['both', 'encrypt'].includes(grant.role) &&
                    ['', 'true'].includes(grant.condition) &&
                    (grant.member === member || (name === 'run' && grant.member === shortRun)),
                ),
            );
            expect(await mayEncrypt(bench, member)).toBe(expected);
          }
          expect(await mayEncrypt(bench, shortRun)).toBe(await mayEncrypt(bench, agents.run));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("of the topic's project is asked about, not of the key's", async () => {
    const bench = await openKmsBench();
    const own = await bench.service.pubsubServiceAgent('p');
    const other = await bench.service.pubsubServiceAgent('elsewhere');
    const bindings = [{ role: roleOf.both, members: [other] }];
    await bench.service.policies.set('projects/p', { bindings }, operator);
    expect(await mayEncrypt(bench, other)).toBe(true);
    expect(await mayEncrypt(bench, own)).toBe(false);
  });

  test('loses the key in the millisecond that a condition names, on the clock of the service', async () => {
    const bench = await openKmsBench();
    const agent = await bench.service.pubsubServiceAgent('p');
    const end = new Date(bench.clock.wallMs() + 1000).toISOString();
    const condition = { title: 'soon over', expression: `request.time < timestamp("${end}")` };
    const bindings = [{ role: roleOf.both, members: [agent], condition }];
    await bench.service.policies.set(key, { version: 3, bindings }, operator);
    await bench.clock.advance(999);
    expect(await mayEncrypt(bench, agent)).toBe(true);
    await bench.clock.advance(1);
    expect(await mayEncrypt(bench, agent)).toBe(false);
  });

  test('is held to the key that a condition on the project names', async () => {
    const bench = await openKmsBench();
    const agent = await bench.service.pubsubServiceAgent('p');
    const set = (expression: string): Promise<unknown> =>
      bench.service.policies.set(
        'projects/p',
        {
          version: 3,
          bindings: [
            { role: roleOf.both, members: [agent], condition: { title: 'when', expression } },
          ],
        },
        operator,
      );
    await set(`resource.type == "cloudkms.googleapis.com/CryptoKey" && resource.name == "${key}"`);
    expect(await mayEncrypt(bench, agent)).toBe(true);
    await set(`resource.name.startsWith("${ring}2/")`);
    expect(await mayEncrypt(bench, agent)).toBe(false);
  });
});
