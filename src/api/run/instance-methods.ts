import { formatTimestamp } from '../../rpc/index.ts';
import { revisionNameOf, type InstanceReport, type RunService } from '../../vault/index.ts';
import { refuseQuery } from '../http/transcoding.ts';
import type { JsonValue } from '../json.ts';
import type { RunMethod } from './run-method.ts';

/** The instances of a service, those that ended lately too: no API of Google's has them. */
export function instanceMethods(run: RunService): RunMethod[] {
  return [
    {
      rpc: 'sealpost.v1.Vault.ListInstances',
      method: 'GET',
      templates: [
        '/sealpost/v1/projects/{project}/locations/{location}/services/{service}/instances',
      ],
      handle: async (request) => {
        refuseQuery(request.call.query, request.call.params);
        const instances = await run.listInstances(request.serviceName());
        return { json: { instances: instances.map(instanceJson) } };
      },
    },
  ];
}

function instanceJson(report: InstanceReport): JsonValue {
  const { id, revision, state, driver, startedMs, stoppedMs, why, times, bytes } = report;
  return {
    id,
    revision: revisionNameOf(revision),
    state,
    driver,
    startTime: formatTimestamp(startedMs),
    ...(stoppedMs === null ? {} : { stopTime: formatTimestamp(stoppedMs) }),
    ...(why === null ? {} : { reason: why }),
    ...(times === null ? {} : { times: { ...times } }),
    bytes,
  };
}
