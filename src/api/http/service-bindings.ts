import { getOption, type DescMethod } from '@bufbuild/protobuf';

import { http } from '../../proto/google/api/annotations_pb.ts';
import type { HttpRule } from '../../proto/google/api/http_pb.ts';
import type { HttpMethod } from '../route.ts';

/** How a method is called over REST, from its google.api.http option. */
export interface HttpBinding {
  readonly method: HttpMethod;
  readonly template: string;
  /** `*`: the body is the message; a name: it is that field; empty: there is none. */
  readonly body: string;
}

/** All ways to call a method over REST; none for what REST does not have, as StreamingPull. */
export function httpBindings(desc: DescMethod): readonly HttpBinding[] {
  const given = configured.get(`${desc.parent.typeName}.${desc.name}`);
  if (given !== undefined) return given;
  const rule: HttpRule = getOption(desc, http);
  return [rule, ...rule.additionalBindings].flatMap(({ pattern, body }) => {
    const { case: verb, value } = pattern;
    if (verb === undefined || verb === 'custom') return [];
    return [{ method: verb.toUpperCase() as HttpMethod, template: value, body }];
  });
}

const location = 'projects/*/locations/*';
const keyRing = `${location}/keyRings/*`;

/** What cloudkms_v1.yaml and pubsub_v1.yaml give policies to. */
const policyResources: readonly string[] = [
  keyRing,
  `${keyRing}/cryptoKeys/*`,
  `${keyRing}/importJobs/*`,
  `${location}/ekmConfig`,
  `${location}/ekmConnections/*`,
  ...['topics', 'subscriptions', 'snapshots', 'schemas'].map((kind) => `projects/*/${kind}/*`),
];

/** Resource Manager's, v1 and v3: unlike the others it reads a policy by POST. */
const projectTemplates: readonly string[] = [
  '/v1/{resource=projects/*}',
  '/v3/{resource=projects/*}',
  '/v1/{resource=organizations/*}',
  '/v3/{resource=organizations/*}',
];

const policyTemplates: readonly string[] = policyResources.map((name) => `/v1/{resource=${name}}`);

const post = (template: string): HttpBinding => ({ method: 'POST', template, body: '*' });

const get = (template: string): HttpBinding => ({ method: 'GET', template, body: '' });

/**
 * Services that many APIs share are bound by each API's own configuration, in place of what their
 * protos say.
 */
const configured: ReadonlyMap<string, readonly HttpBinding[]> = new Map([
  [
    'google.iam.v1.IAMPolicy.GetIamPolicy',
    [
      ...policyTemplates.map((template) => get(`${template}:getIamPolicy`)),
      ...projectTemplates.map((template) => post(`${template}:getIamPolicy`)),
    ],
  ],
  ...['setIamPolicy', 'testIamPermissions'].map((verb): [string, readonly HttpBinding[]] => [
    `google.iam.v1.IAMPolicy.${verb.charAt(0).toUpperCase()}${verb.slice(1)}`,
    [...policyTemplates, ...projectTemplates].map((template) => post(`${template}:${verb}`)),
  ]),
  ['google.cloud.location.Locations.ListLocations', [get('/v1/{name=projects/*}/locations')]],
  ['google.cloud.location.Locations.GetLocation', [get(`/v1/{name=${location}}`)]],
  ['google.longrunning.Operations.GetOperation', [get(`/v1/{name=${location}/operations/*}`)]],
  ['google.longrunning.Operations.ListOperations', [get(`/v1/{name=${location}}/operations`)]],
]);
