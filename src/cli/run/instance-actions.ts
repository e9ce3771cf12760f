import type { Action } from '../command/command-spec.ts';
import { shortId } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { ageText, byteText } from '../output/plain-text.ts';
import type { Column } from '../output/table.ts';
import { listIn, objectIn, serviceName } from './knative.ts';

/** UNWRAP is what the key service took of START; MEMORY is what its opened image takes. */
const instanceColumns: readonly Column[] = [
  { title: 'INSTANCE' },
  { title: 'REVISION' },
  { title: 'STATE' },
  { title: 'AGE' },
  { title: 'START', isNumber: true },
  { title: 'UNWRAP', isNumber: true },
  { title: 'MEMORY', isNumber: true },
  { title: 'WHY' },
];

/** Enough to tell them apart; --json has it whole. */
const idLength = 8;

export const listInstances: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const path = `sealpost/v1/${serviceName(id, flags, tools)}/instances`;
  const instances = listIn(await tools.api.get(path), 'instances');
  const nowMs = tools.clock.wallMs();
  const row = (instance: Json): string[] => instanceRow(instance, nowMs);
  tools.out.list(instances, instanceColumns, row, `No instance of ${id} ran lately.`);
};

function instanceRow(instance: Json, nowMs: number): string[] {
  const times = Object.entries(objectIn(instance, 'times'));
  const start = times.reduce((sum, [, ms]) => sum + Number(ms), 0);
  const unwrap = times.find(([name]) => name === 'unwrapMs')?.[1];
  const bytes = Number(instance['bytes']);
  return [
    textIn(instance, 'id').slice(0, idLength),
    shortId(textIn(instance, 'revision')),
    textIn(instance, 'state'),
    ageText(textIn(instance, 'startTime'), nowMs),
    times.length === 0 ? '' : `${start.toFixed(0)} ms`,
    unwrap === undefined ? '' : `${Number(unwrap).toFixed(1)} ms`,
    bytes > 0 ? byteText(bytes) : '',
    endOf(instance, nowMs),
  ];
}

/** `scaled down, 3 min ago`. */
function endOf(instance: Json, nowMs: number): string {
  const reason = textIn(instance, 'reason');
  const stopTime = textIn(instance, 'stopTime');
  return stopTime === '' ? reason : `${reason}, ${ageText(stopTime, nowMs)} ago`;
}
