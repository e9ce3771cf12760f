import type { Readable } from 'node:stream';
import type { Clock } from '../../../runtime/index.ts';

/** A longer line is cut into lines of so many bytes. */
export const lineBytesMax: number = 16_384;

/**
 * After each piece of at most 64 KiB the stream rests so long: whoever writes faster waits, as with
 * any pipe, and neither memory nor the event loop pays for it.
 */
const restMs = 5;

/** Gives the lines of a stream without their ends; what is no UTF-8 as U+FFFD. */
export function readLines(stream: Readable, clock: Clock, onLine: (line: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  const give = (line: Buffer): void => {
    const end = line.at(-1) === 0x0d ? line.length - 1 : line.length;
    onLine(line.toString('utf8', 0, end));
  };
  stream.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = endOf(bytes); end !== null; end = endOf(bytes)) {
      give(bytes.subarray(0, end.at));
      bytes = bytes.subarray(end.next);
    }
    // A copy: a view would keep the whole chunk.
    rest = Buffer.from(bytes);
    stream.pause();
    clock.schedule(clock.monotonicMs() + restMs, () => stream.resume());
  });
  stream.on('end', () => {
    if (rest.length > 0) give(rest);
  });
  stream.on('error', () => undefined);
}

function endOf(bytes: Buffer): { at: number; next: number } | null {
  const at = bytes.indexOf(0x0a);
  if (at >= 0 && at <= lineBytesMax) return { at, next: at + 1 };
  if (bytes.length <= lineBytesMax) return null;
  let cut = lineBytesMax;
  // Not within a character; four bytes is the longest there is.
  while (cut > lineBytesMax - 3 && (bytes[cut]! & 0xc0) === 0x80) cut--;
  return { at: cut, next: cut };
}
