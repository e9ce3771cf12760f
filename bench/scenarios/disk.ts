import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Bed } from '../bed.ts';
import { load } from '../load.ts';
import type { Row, Sample } from '../measurement.ts';
import { startSealpost } from '../servers/sealpost.ts';
import { createResources } from './resources.ts';

const messageBytes = 64;

/** What a small message costs on disk when each was published by itself. */
export async function disk(bed: Bed): Promise<Row[]> {
  const sample = await measure(bed);
  bed.say(`disk          sealpost                  ${sample.value.toFixed(0).padStart(10)} bytes`);
  return [{ scenario: 'disk', subject: 'sealpost', unit: 'bytes', samples: [sample] }];
}

async function measure(bed: Bed): Promise<Sample> {
  const directory = join(bed.directory, 'disk');
  const server = await startSealpost({ directory });
  const { topic } = await createResources(server.address, 'disk');
  const before = allocatedBytes(directory);
  const result = await load(
    {
      kind: 'publish',
      address: server.address,
      topics: [topic],
      messagesPerRequest: 1,
      messageBytes,
      connections: 1,
      isEcho: false,
      inFlight: 64,
      warmupSeconds: 0,
      seconds: 3600,
      requestsMax: bed.options.diskMessages,
    },
    3600,
  );
  await server.stop();
  if (result.failedCount > 0) throw new Error(`disk: ${result.failure ?? 'publish failed'}`);
  return { value: (allocatedBytes(directory) - before) / result.messageCount };
}

/** What the files really occupy: a sparse map counts for what is in it. */
function allocatedBytes(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return bytes;
}
