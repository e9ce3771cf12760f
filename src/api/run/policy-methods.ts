import type { Authorizer } from '../../iam/index.ts';
import type { RunPolicy, RunService } from '../../vault/index.ts';
import { refuseQuery } from '../http/transcoding.ts';
import type { JsonObject } from '../json/json-body.ts';
import { JsonFields } from '../sealpost/json-fields.ts';
import { unsupportedField } from '../unsupported.ts';
import type { RunMethod } from './run-method.ts';
import type { RunRequest } from './run-request.ts';

const service = 'google.cloud.run.v1.Services';
const template = '/v1/projects/{project}/locations/{location}/services/{service}';

/** Who may do what with a service. */
export function policyMethods(
  run: RunService,
  authorizer: Pick<Authorizer, 'isGranted'>,
): RunMethod[] {
  return [
    {
      rpc: `${service}.GetIamPolicy`,
      method: 'GET',
      templates: [`${template}:getIamPolicy`],
      handle: async (request) => {
        const { query, params } = request.call;
        refuseQuery(query, { ...params, 'options.requestedPolicyVersion': '' });
        return { json: policyJson(await run.getPolicy(request.serviceName())) };
      },
    },
    {
      rpc: `${service}.SetIamPolicy`,
      method: 'POST',
      templates: [`${template}:setIamPolicy`],
      isWrite: true,
      handle: async (request) => {
        refuseQuery(request.call.query, request.call.params);
        const policy = readPolicy(request.object());
        return { json: policyJson(await run.setPolicy(request.serviceName(), policy)) };
      },
    },
    {
      rpc: `${service}.TestIamPermissions`,
      method: 'POST',
      templates: [`${template}:testIamPermissions`],
      handle: async (request) => ({ json: permissionsOf(request, authorizer) }),
    },
  ];
}

/** Those of the ones asked for that the caller has. A service need not be there yet. */
function permissionsOf(request: RunRequest, authorizer: Pick<Authorizer, 'isGranted'>): JsonObject {
  const { call, project, location, serviceId } = request;
  refuseQuery(call.query, call.params);
  const asked = new JsonFields(request.object(), ['permissions']).texts('permissions');
  const name = `projects/${project}/locations/${location}/services/${serviceId}`;
  return {
    permissions: asked.filter((each) => authorizer.isGranted(call.principal, each, name)),
  };
}

function policyJson({ version, bindings, etag }: RunPolicy): JsonObject {
  const printed = bindings.map(({ role, members }) => ({ role, members: [...members] }));
  return printed.length === 0 ? { etag } : { version, bindings: printed, etag };
}

function readPolicy(body: JsonObject): RunPolicy {
  const fields = new JsonFields(body, ['policy', 'updateMask']);
  const known = ['auditConfigs', 'bindings', 'etag', 'version'];
  const policy = fields.message('policy', known, 'google.iam.v1.Policy');
  if (policy === undefined) {
    throw fields.refuse('policy', 'Request field policy must be specified.');
  }
  if (policy.isFilled('auditConfigs')) throw unsupportedField('Policy', 'audit_configs');
  const bindings = policy.messages(
    'bindings',
    ['condition', 'members', 'role'],
    'google.iam.v1.Binding',
  );
  return {
    version: policy.integer('version', 'TYPE_INT32') ?? 0,
    etag: policy.text('etag') ?? '',
    bindings: bindings.map((binding) => {
      if (binding.isFilled('condition')) throw unsupportedField('Policy', 'bindings.condition');
      return { role: binding.text('role') ?? '', members: binding.texts('members') };
    }),
  };
}
