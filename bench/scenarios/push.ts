import type { Bed } from '../bed.ts';
import { load } from '../load.ts';
import { rateSample, type Row, type Subject } from '../measurement.ts';
import { createResources } from './resources.ts';

const secondsLimit = 30;

/** Waiting messages to one endpoint, from its first request on: slow start is part of it. */
export async function push(bed: Bed): Promise<Row[]> {
  const names = bed.options.isSmoke ? (['sealpost'] as const) : (['sealpost', 'emulator'] as const);
  return bed.interleave(
    'push',
    names.map((name) => subject(bed, name)),
  );
}

function subject(bed: Bed, name: 'sealpost' | 'emulator'): Subject {
  return {
    name,
    unit: 'messages/s',
    measure: async () => {
      const { address } = await bed.server(name);
      const { topic, subscription, remove } = await createResources(address, bed.freshName('push'));
      const { pushCount: messageCount, messageBytes } = bed.options;
      const waiting = { address, topic, subscription, messageCount, messageBytes };
      const result = await load(
        { kind: 'push', ...waiting, secondsMax: secondsLimit },
        secondsLimit + 60,
      );
      await remove();
      return rateSample(result);
    },
  };
}
