import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { shortId } from '../connection/resource-names.ts';
import { fieldLines } from '../output/table.ts';
import { pointInTime } from './point-in-time.ts';
import {
  changedFields,
  labelText,
  labelsRule,
  newFields,
  type FieldRule,
} from './resource-change.ts';

function changeRules({ clock }: Tools): FieldRule[] {
  return [
    {
      field: 'expireTime',
      path: 'expire_time',
      option: 'expire-time',
      value: ({ flags }, option) =>
        pointInTime(option, flags.text(option)!, clock.wallMs(), 'from now'),
    },
    labelsRule,
  ];
}

const named = ({ arguments: [snapshot = ''] }: Call, { names }: Tools): string =>
  names.snapshot(snapshot);

export const createSnapshot: Action = async (call, tools) => {
  const name = named(call, tools);
  const text = call.flags.text('subscription');
  if (text === undefined) {
    throw usageError('A snapshot needs a subscription.', 'Add --subscription SUBSCRIPTION.');
  }
  const subscription = tools.names.subscription(text);
  const snapshot = await tools.api.put(name, { subscription, ...newFields(call, [labelsRule]) });
  tools.out.result(snapshot, [
    `Created ${name} of ${subscription}; it is kept until ${textIn(snapshot, 'expireTime')}.`,
    `Next, to come back to it: sealpost subscriptions seek ${text} --snapshot ${call.arguments[0]!}`,
  ]);
};

const snapshotRow = (snapshot: Json): string[] => [
  shortId(textIn(snapshot, 'name')),
  shortId(textIn(snapshot, 'topic')),
  textIn(snapshot, 'expireTime'),
  labelText(snapshot['labels']),
];

export const listSnapshots: Action = async ({ flags }, { api, names, out }) => {
  const snapshots = await api.list(`projects/${names.project()}/snapshots`, 'snapshots');
  if (flags.isSet('ids')) {
    for (const snapshot of snapshots) out.line(shortId(textIn(snapshot, 'name')));
    return;
  }
  const columns = ['SNAPSHOT', 'TOPIC', 'EXPIRES', 'LABELS'].map((title) => ({ title }));
  out.list(snapshots, columns, snapshotRow, `There are no snapshots in ${names.project()}.`);
};

export const describeSnapshot: Action = async (call, tools) => {
  const snapshot = await tools.api.get(named(call, tools));
  const lines = fieldLines([
    ['Snapshot', textIn(snapshot, 'name')],
    ['Topic', textIn(snapshot, 'topic')],
    ['Expires', textIn(snapshot, 'expireTime')],
    ['Labels', labelText(snapshot['labels'])],
  ]);
  tools.out.result(snapshot, lines);
};

export const updateSnapshot: Action = async (call, tools) => {
  const name = named(call, tools);
  const { fields, updateMask } = changedFields(call, changeRules(tools));
  const body = { snapshot: { name, ...fields }, updateMask };
  tools.out.result(await tools.api.patch(name, body), [`Updated ${name}.`]);
};

export const deleteSnapshot: Action = async (call, tools) => {
  const name = named(call, tools);
  await tools.api.delete(name);
  tools.out.result({ name }, [`Deleted ${name}.`]);
};
