import { resourceOf } from '../resource.ts';
import { accessRuleOf } from './method-table.ts';

/** Services whose methods the key service's audit log names by their short names alone. */
const keyServices = [
  'google.cloud.kms.v1.KeyManagementService',
  'google.iam.v1.IAMPolicy',
  'google.longrunning.Operations',
  'google.cloud.location.Locations',
  'google.cloud.resourcemanager.v1.Projects',
];

/**
 * The permission that a method of the key service asks for first, by its short name: `Encrypt`;
 * null for one that asks for none. Of a policy's methods it depends on what `resource` is.
 */
export function permissionOfMethod(method: string, resource: string = ''): string | null {
  const rule = keyServices.map((service) => accessRuleOf(`${service}.${method}`)).find(Boolean);
  const permission = rule?.demands[0]?.permission;
  if (permission === undefined) return null;
  return permission.startsWith('*.') ? policyPermission(resource, permission.slice(2)) : permission;
}

/** `pubsub.topics.setIamPolicy` of a topic and `setIamPolicy`. */
export function policyPermission(resource: string, verb: string): string {
  return `${resourceOf(resource, (project) => project).collection}.${verb}`;
}
