import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { pointInTime } from './point-in-time.ts';

export const seekSubscription: Action = async (call, { api, clock, names, out }) => {
  const name = names.subscription(call.arguments[0]!);
  const time = call.flags.text('time');
  const snapshotText = call.flags.text('snapshot');
  if ((time === undefined) === (snapshotText === undefined)) {
    throw usageError('Give either --time or --snapshot.');
  }
  const target =
    time === undefined
      ? { snapshot: names.snapshot(snapshotText!) }
      : { time: pointInTime('time', time, clock.wallMs(), 'ago') };
  await api.post(`${name}:seek`, target);
  const place = target.snapshot ?? target.time;
  out.result({ name, ...target }, [
    `Sought ${name} to ${place}.`,
    'Messages before it are acknowledged, later ones come again; ack ids from before are void.',
  ]);
};

export const detachSubscription: Action = async (call, { api, names, out }) => {
  const name = names.subscription(call.arguments[0]!);
  await api.call('POST', `${name}:detach`);
  out.result({ name, detached: true }, [
    `Detached ${name} from its topic: it has no messages and gets none.`,
  ]);
};
