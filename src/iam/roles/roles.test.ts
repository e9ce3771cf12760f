import { describe, expect, test } from 'vitest';
import { canonicalMember, isAmong, pubsubAgentOf, runAgentOf } from '../members.ts';
import { permissionOfMethod } from '../methods/method-permission.ts';
import { isKnownRole, roleGrants } from './roles.ts';

const use = (name: string): string => `cloudkms.cryptoKeyVersions.useTo${name}`;

describe('roles', () => {
  test.each([
    ['roles/cloudkms.cryptoKeyEncrypterDecrypter', ['Encrypt', 'Decrypt']],
    ['roles/cloudkms.cryptoKeyEncrypter', ['Encrypt']],
    ['roles/cloudkms.cryptoKeyDecrypter', ['Decrypt']],
    ['roles/cloudkms.cryptoOperator', ['Encrypt', 'Decrypt', 'Sign', 'Verify']],
    ['roles/cloudkms.signerVerifier', ['Sign', 'Verify']],
    ['roles/cloudkms.signer', ['Sign']],
    ['roles/cloudkms.verifier', ['Verify']],
    ['roles/owner', ['Encrypt', 'Decrypt', 'Sign', 'Verify']],
    // "Provides access to Cloud KMS resources, except for … cryptographic operations".
    ['roles/cloudkms.admin', []],
    ['roles/cloudkms.viewer', []],
    ['roles/editor', []],
    ['roles/viewer', []],
    ['projects/p/roles/custom', []],
    ['roles/pubsub.admin', []],
    ['constructor', []],
  ])('%s may %j', (role, uses) => {
    const granted = ['Encrypt', 'Decrypt', 'Sign', 'Verify'].filter((one) =>
      roleGrants(role, use(one)),
    );
    expect(granted).toEqual(uses);
  });

  test('an editor makes and disables versions, and an administrator alone destroys them', () => {
    expect(roleGrants('roles/editor', 'cloudkms.cryptoKeyVersions.update')).toBe(true);
    expect(roleGrants('roles/editor', 'cloudkms.cryptoKeyVersions.destroy')).toBe(false);
    expect(roleGrants('roles/editor', 'cloudkms.cryptoKeys.setIamPolicy')).toBe(false);
    expect(roleGrants('roles/cloudkms.admin', 'cloudkms.cryptoKeyVersions.destroy')).toBe(true);
    expect(roleGrants('roles/viewer', 'cloudkms.cryptoKeys.getIamPolicy')).toBe(true);
  });

  test('a role that is not known is said to be none', () => {
    expect(isKnownRole('roles/cloudkms.admin')).toBe(true);
    expect(isKnownRole('projects/p/roles/custom')).toBe(false);
    expect(isKnownRole('toString')).toBe(false);
  });
});

describe('members', () => {
  const long = runAgentOf('123');
  const short = 'serviceAccount:123@serverless-robot-prod.iam.gserviceaccount.com';

  test("both spellings of the Run agent are one principal, and no other project's", () => {
    expect(canonicalMember(short)).toBe(canonicalMember(long));
    expect(isAmong([short], long)).toBe(true);
    expect(isAmong([long], short)).toBe(true);
    expect(isAmong([short], runAgentOf('1234'))).toBe(false);
    expect(isAmong([pubsubAgentOf('123')], long)).toBe(false);
  });

  test('are compared without regard to case; everybody is everybody', () => {
    expect(isAmong([pubsubAgentOf('7').toUpperCase()], pubsubAgentOf('7'))).toBe(true);
    expect(isAmong(['allUsers'], pubsubAgentOf('7'))).toBe(true);
    expect(isAmong(['allAuthenticatedUsers'], pubsubAgentOf('7'))).toBe(true);
  });

  test('a group, a domain and a deleted account include nobody', () => {
    const agent = pubsubAgentOf('7');
    const others = [
      'group:everyone@example.com',
      'domain:gcp-sa-pubsub.iam.gserviceaccount.com',
      `deleted:${agent}?uid=123`,
      `user:${agent.slice('serviceAccount:'.length)}`,
    ];
    expect(isAmong(others, agent)).toBe(false);
  });
});

describe('the permission of a method', () => {
  const key = 'projects/p/locations/l/keyRings/r/cryptoKeys/k';

  test.each([
    ['CreateKeyRing', '', 'cloudkms.keyRings.create'],
    ['UpdateCryptoKeyPrimaryVersion', key, 'cloudkms.cryptoKeys.update'],
    ['RawEncrypt', key, use('Encrypt')],
    ['MacSign', key, use('Sign')],
    ['SetIamPolicy', key, 'cloudkms.cryptoKeys.setIamPolicy'],
    ['GetIamPolicy', 'projects/p/locations/l/keyRings/r', 'cloudkms.keyRings.getIamPolicy'],
    ['SetIamPolicy', 'projects/p', 'resourcemanager.projects.setIamPolicy'],
    ['TestIamPermissions', key, null],
  ])('%s on %s is %s', (method, resource, permission) => {
    expect(permissionOfMethod(method, resource)).toBe(permission);
  });
});
