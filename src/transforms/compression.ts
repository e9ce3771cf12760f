import { promisify } from 'node:util';
import { deflate, inflate, type InputType, type ZlibOptions } from 'node:zlib';
import type { TransformLimits } from './limits.ts';
import type { MessageTransform, TransformableMessage } from './transform.ts';
import type { TransformStage } from './transform-chain.ts';

type Mode = NonNullable<MessageTransform['compression']>['mode'];
/** With `info`, zlib tells how much of its input it used. */
interface Converted {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
type Codec = (data: InputType, options: ZlibOptions) => Promise<Converted>;

const codecs: Readonly<Record<Mode, Codec>> = {
  COMPRESS: promisify(deflate) as unknown as Codec,
  DECOMPRESS: promisify(inflate) as unknown as Codec,
};

/** In flight at a time: Node's pool has few threads, and a little may be unpacked to a lot. */
const together = 4;

/** The data as zlib format (RFC 1950), or out of it; the attributes stay. */
export function compressionStage(mode: Mode, limits: TransformLimits): TransformStage {
  return {
    run: (messages) =>
      inTurns(messages, (message) => converted(message, mode, limits), limits.madeBytesMax),
    close: () => undefined,
  };
}

type StageOutcome = Awaited<ReturnType<TransformStage['run']>>[number];

async function converted(
  message: TransformableMessage,
  mode: Mode,
  { dataBytesMax }: TransformLimits,
): Promise<StageOutcome> {
  const { data, attributes } = message;
  try {
    const options = { maxOutputLength: dataBytesMax, info: true };
    const { buffer, engine } = await codecs[mode](data, options);
    // What follows a stream would be lost without a word.
    if (engine.bytesWritten !== data.length) return { kind: 'failed', message: textOf('', mode) };
    return { kind: 'transformed', data: new Uint8Array(buffer), attributes };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: 'failed', message: textOf(code ?? '', mode) };
  }
}

function textOf(code: string, mode: Mode): string {
  const verb = mode === 'COMPRESS' ? 'compressed' : 'decompressed';
  if (code === 'ERR_BUFFER_TOO_LARGE') return `The ${verb} data is too large.`;
  return `The data could not be ${verb}: it is not valid ZLIB data.`;
}

async function inTurns(
  messages: readonly TransformableMessage[],
  work: (message: TransformableMessage) => Promise<StageOutcome>,
  madeBytesMax: number,
): Promise<StageOutcome[]> {
  const outcomes: StageOutcome[] = [];
  for (let at = 0; at < messages.length && madeBytes(outcomes) <= madeBytesMax; at += together) {
    outcomes.push(...(await Promise.all(messages.slice(at, at + together).map(work))));
  }
  return outcomes;
}

/** Of what messages became. */
function madeBytes(outcomes: readonly StageOutcome[]): number {
  let bytes = 0;
  for (const outcome of outcomes) if (outcome.kind === 'transformed') bytes += outcome.data.length;
  return bytes;
}
