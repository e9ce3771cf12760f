import { describe, expect, test } from 'vitest';
import { CmekPolicy } from './cmek-policy.ts';

const numbers: Readonly<Record<string, string>> = { '111': 'vault' };
const projects = { idOf: async (project: string): Promise<string> => numbers[project] ?? project };
const topic = 'projects/shop/topics/orders';
const keyIn = (project: string): string =>
  `projects/${project}/locations/global/keyRings/r/cryptoKeys/k`;
const policy = (requireCmek: boolean, ...keyProjects: string[]): CmekPolicy =>
  new CmekPolicy({ requireCmek, keyProjects }, projects);

describe('restrictNonCmekServices', () => {
  test('refuses a topic without a key, with a violation of the constraint', async () => {
    const description =
      'Constraint constraints/gcp.restrictNonCmekServices violated for projects/shop attempting ' +
      'CreateTopic with `service domain` value set to pubsub.googleapis.com. See https://cloud.google.com/' +
      'resource-manager/docs/organization-policy/org-policy-constraints for more information.';
    await expect(policy(true).require({ name: topic }, 'CreateTopic')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'ORG_POLICY_VIOLATED',
      message: description,
      details: expect.arrayContaining([
        {
          '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
          violations: [
            {
              type: 'constraints/gcp.restrictNonCmekServices',
              subject: 'orgpolicy:projects/shop',
              description,
            },
          ],
        },
      ]) as unknown,
    });
  });

  test('has nothing against one with a key, and nothing at all where it is off', async () => {
    await policy(true).require({ name: topic, kmsKeyName: keyIn('any') }, 'CreateTopic');
    await policy(false).require({ name: topic }, 'CreateTopic');
  });
});

describe('restrictCmekCryptoKeyProjects', () => {
  test('refuses the key of a project that is not named, and says which', async () => {
    const kmsKeyName = keyIn('other');
    const refused = policy(false, 'vault').require({ name: topic, kmsKeyName }, 'UpdateTopic');
    await expect(refused).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(
        `^Constraint constraints/gcp.restrictCmekCryptoKeyProjects violated for projects/shop attempting UpdateTopic .*${kmsKeyName}`,
      ) as unknown,
    });
  });

  test('takes id and number for one project, in the rule and in the key', async () => {
    for (const rule of ['vault', '111']) {
      for (const project of ['vault', '111']) {
        const kmsKeyName = keyIn(project);
        expect(await policy(true, rule).violations({ name: topic, kmsKeyName }, 'x')).toEqual([]);
      }
    }
    const kmsKeyName = keyIn('vault2');
    expect(await policy(true, 'vault').violations({ name: topic, kmsKeyName }, 'x')).toHaveLength(
      1,
    );
  });

  test('alone lets a topic have no key', async () => {
    await policy(false, 'vault').require({ name: topic }, 'CreateTopic');
  });
});
