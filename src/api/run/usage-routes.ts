import { RpcError } from '../../rpc/index.ts';
import type { JsonObject } from '../json/json-body.ts';
import { JsonFields } from '../sealpost/json-fields.ts';
import type { Route } from '../route.ts';

const service = 'google.api.serviceusage.v1.ServiceUsage';
const template = '/v1/projects/{project}/services';

/** The APIs that are served here, all of them always enabled. */
const served: ReadonlySet<string> = new Set(
  ['cloudkms', 'cloudresourcemanager', 'iam', 'logging', 'pubsub', 'run', 'serviceusage'].map(
    (name) => `${name}.googleapis.com`,
  ),
);

/** Service Usage v1, as far as gcloud asks it whether an API may be called. */
export function usageRoutes(): Route[] {
  return [
    {
      rpc: `${service}.GetService`,
      method: 'GET',
      template: `${template}/{service}`,
      handle: ({ params }) => stateOf(params['project']!, params['service']!),
    },
    {
      rpc: `${service}.EnableService`,
      method: 'POST',
      template: `${template}/{service}:enable`,
      handle: ({ params }) =>
        finished('EnableServiceResponse', {
          service: stateOf(params['project']!, params['service']!),
        }),
    },
    {
      rpc: `${service}.BatchEnableServices`,
      method: 'POST',
      template: `${template}:batchEnable`,
      handle: (call) => {
        const names = new JsonFields(call.json(), ['serviceIds']).texts('serviceIds');
        const services = names.map((name) => stateOf(call.params['project']!, name));
        return finished('BatchEnableServicesResponse', { services });
      },
    },
  ];
}

/** An operation that is over: there is nothing to be done. */
function finished(type: string, response: JsonObject): JsonObject {
  const any = { '@type': `type.googleapis.com/google.api.serviceusage.v1.${type}`, ...response };
  return { name: 'operations/noop.DONE_OPERATION', done: true, response: any };
}

function stateOf(project: string, name: string): JsonObject {
  if (!served.has(name)) {
    const shown = name.slice(0, 200).toWellFormed();
    const message = `The API ${shown} is not served by this server.`;
    throw new RpcError('NOT_FOUND', 'API_NOT_SERVED', message);
  }
  const parent = `projects/${project}`;
  return { name: `${parent}/services/${name}`, config: { name }, state: 'ENABLED', parent };
}
