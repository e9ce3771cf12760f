import type { Bed } from '../bed.ts';
import { load } from '../load.ts';
import { rateSample, type Row, type Sample, type Subject } from '../measurement.ts';
import { createResources } from './resources.ts';

type Acks = 'stream' | 'unary';

/** Waiting messages through one StreamingPull, until the last one's ack was answered. */
export async function drain(bed: Bed): Promise<Row[]> {
  const subjects = [
    brokerSubject(bed, 'sealpost', 'stream'),
    brokerSubject(bed, 'sealpost', 'unary'),
  ];
  if (!bed.options.isSmoke) {
    subjects.push(
      brokerSubject(bed, 'emulator', 'stream'),
      brokerSubject(bed, 'emulator', 'unary'),
      peerSubject(bed, 'nats'),
      peerSubject(bed, 'redis'),
    );
  }
  return bed.interleave('drain', subjects);
}

/** The emulator's own pace would make a long drain endless; its rate does not depend on length. */
const drainSecondsMax = 15;

function brokerSubject(bed: Bed, name: 'sealpost' | 'emulator', acks: Acks): Subject {
  const { drainCount, emulatorDrainCount } = bed.options;
  const messageCount = name === 'sealpost' ? drainCount : emulatorDrainCount;
  return {
    name: `${name} ${acks} acks`,
    unit: 'messages/s',
    measure: () => brokerDrain(bed, name, acks, messageCount),
  };
}

async function brokerDrain(
  bed: Bed,
  name: 'sealpost' | 'emulator',
  acks: Acks,
  messageCount: number,
): Promise<Sample> {
  const { address } = await bed.server(name);
  const resources = await createResources(address, bed.freshName('drain'));
  const { topic, subscription } = resources;
  const result = await load(
    {
      kind: 'drain',
      address,
      topic,
      subscription,
      messageCount,
      messageBytes: bed.options.messageBytes,
      acks,
      secondsMax: drainSecondsMax,
    },
    drainSecondsMax + 120,
  );
  await resources.remove();
  return rateSample(result);
}

function peerSubject(bed: Bed, name: 'nats' | 'redis'): Subject {
  return {
    name: `${name} acks`,
    unit: 'messages/s',
    measure: async () => {
      const { port } = await bed.server(name);
      const { messageBytes } = bed.options;
      const messageCount = Math.min(100_000, bed.options.drainCount);
      const kind = name === 'nats' ? ('nats-drain' as const) : ('redis-drain' as const);
      return rateSample(await load({ kind, port, messageCount, messageBytes }, 120));
    },
  };
}
