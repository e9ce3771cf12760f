import { promisify } from 'node:util';
import { constants, deflate, inflate, type InputType, type ZlibOptions } from 'node:zlib';
import type { TransformLimits } from './limits.ts';
import type { MessageTransform, TransformableMessage } from './transform.ts';
import type { TransformStage } from './transform-chain.ts';

type Mode = NonNullable<MessageTransform['compression']>['mode'];
type Codec = (data: InputType, options: ZlibOptions) => Promise<Buffer>;

const codecs: Readonly<Record<Mode, Codec>> = {
  COMPRESS: promisify<InputType, ZlibOptions, Buffer>(deflate),
  DECOMPRESS: promisify<InputType, ZlibOptions, Buffer>(inflate),
};

/** In flight at a time: Node's pool has few threads, and each message its bytes twice. */
const together = 8;

/** The data as zlib format (RFC 1950), or out of it; the attributes stay. */
export function compressionStage(mode: Mode, limits: TransformLimits): TransformStage {
  return {
    run: (messages) => inTurns(messages, (message) => converted(message, mode, limits)),
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
  // A stream that breaks off, or is followed by anything, is no message: nothing is left out.
  const options = { maxOutputLength: dataBytesMax, finishFlush: constants.Z_FINISH };
  try {
    const made = await codecs[mode](data, options);
    return { kind: 'transformed', data: new Uint8Array(made), attributes };
  } catch (error) {
    return { kind: 'failed', message: textOf(error as NodeJS.ErrnoException, mode) };
  }
}

function textOf({ code }: NodeJS.ErrnoException, mode: Mode): string {
  const verb = mode === 'COMPRESS' ? 'compressed' : 'decompressed';
  if (code === 'ERR_BUFFER_TOO_LARGE') return `The ${verb} data is too large.`;
  return `The data could not be ${verb}: it is not valid ZLIB data.`;
}

async function inTurns(
  messages: readonly TransformableMessage[],
  work: (message: TransformableMessage) => Promise<StageOutcome>,
): Promise<StageOutcome[]> {
  const outcomes: StageOutcome[] = [];
  for (let at = 0; at < messages.length; at += together) {
    outcomes.push(...(await Promise.all(messages.slice(at, at + together).map(work))));
  }
  return outcomes;
}
