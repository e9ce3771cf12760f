import type { Action } from '../command/command-spec.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { locationOf, listIn, objectIn } from './knative.ts';

const instanceColumns = [
  { title: 'INSTANCE' },
  { title: 'REVISION' },
  { title: 'STATE' },
  { title: 'STARTED' },
  { title: 'UNWRAP ms' },
  { title: 'OPEN ms' },
  { title: 'APPLY ms' },
  { title: 'PROBE ms' },
  { title: 'WHY' },
];

export const listInstances: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const name = `${locationOf(flags, tools)}/services/${id}`;
  const instances = listIn(await tools.api.get(`sealpost/v1/${name}/instances`), 'instances');
  tools.out.list(instances, instanceColumns, instanceRow, `No instance of ${id} ran lately.`);
};

function instanceRow(instance: Json): string[] {
  const times = objectIn(instance, 'times');
  const ms = (field: string): string =>
    typeof times[field] === 'number' ? times[field].toFixed(1) : '';
  return [
    textIn(instance, 'id'),
    textIn(instance, 'revision'),
    textIn(instance, 'state'),
    textIn(instance, 'startTime'),
    ms('unwrapMs'),
    ms('openMs'),
    ms('applyMs'),
    ms('probeMs'),
    textIn(instance, 'why'),
  ];
}
