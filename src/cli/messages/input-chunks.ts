import type { Readable } from 'node:stream';

/**
 * The chunks of a stream until it ends or `stop` aborts; then what was already read from it still
 * comes, as the last chunk, so that nothing is lost between the stream and its reader. Never asks for
 * more before the last chunk was dealt with. Throws what the stream fails with.
 */
export async function* inputChunks(
  stream: Readable,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let failure: Error | undefined;
  const onError = (error: Error): void => void (failure = error);
  stream.on('error', onError);
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      const isLast = stop.aborted;
      const chunk = (isLast ? stream.read(stream.readableLength) : stream.read()) as Buffer | null;
      if (chunk !== null) yield chunk;
      if (isLast || (chunk === null && stream.readableEnded)) return;
      if (chunk === null) await somethingHappens(stream, stop);
    }
  } finally {
    stream.off('error', onError);
    // A pipe that stays open would keep the process alive.
    stream.on('error', () => undefined);
    stream.destroy();
  }
}

const events = ['readable', 'end', 'error', 'close'] as const;

function somethingHappens(stream: Readable, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      stop.removeEventListener('abort', done);
      resolve();
    };
    for (const event of events) stream.once(event, done);
    stop.addEventListener('abort', done);
    if (stop.aborted || stream.destroyed) done();
  });
}
