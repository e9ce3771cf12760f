import { join } from 'node:path';
import type { Bed } from '../bed.ts';
import { load } from '../load.ts';
import { latencySample, type Row, type Subject } from '../measurement.ts';
import { grpcPublish, peerPublish, secondsMax } from './publish.ts';

/** One request at a time: what a single caller waits for. */
export async function latency(bed: Bed): Promise<Row[]> {
  const subjects = [grpcSubject(bed, 'sealpost'), putSubject(bed)];
  if (!bed.options.isSmoke) {
    subjects.push(
      grpcSubject(bed, 'echo'),
      grpcSubject(bed, 'emulator'),
      peerSubject(bed, 'nats'),
      peerSubject(bed, 'redis'),
    );
  }
  return bed.interleave('latency', subjects);
}

function grpcSubject(bed: Bed, name: 'sealpost' | 'emulator' | 'echo'): Subject {
  return {
    name: `${name} gRPC`,
    unit: 'ms',
    measure: async () => latencySample(await grpcPublish(bed, name, 1, 1)),
  };
}

function peerSubject(bed: Bed, name: 'nats' | 'redis'): Subject {
  return {
    name,
    unit: 'ms',
    measure: async () => latencySample(await peerPublish(bed, name, 1)),
  };
}

/** One durable append of a message's size at a time, without server or sealing. */
function putSubject(bed: Bed): Subject {
  return {
    name: 'durable put',
    unit: 'ms',
    measure: async (repetition) => {
      const { seconds, warmupSeconds, messageBytes } = bed.options;
      const directory = join(bed.directory, `put-${String(repetition)}`);
      const result = await load(
        {
          kind: 'durable-put',
          directory,
          bytes: messageBytes,
          inFlight: 1,
          warmupSeconds,
          seconds,
        },
        secondsMax(bed),
      );
      return latencySample(result);
    },
  };
}
