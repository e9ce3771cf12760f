const smallestBytes = 4 * 1024;
const largestBytes = 512 * 1024;
/** Buffers kept of each size: enough for what is under way at once. */
const keptPerSize = 8;

/**
 * Memory for segment bodies, used again once a segment is durable and nobody reads it from here.
 *
 * A body of a hundred kilobytes lives for a millisecond; made anew for each request it would have
 * V8 collect for external memory alone. Bodies are sealed, so nothing is wiped.
 */
export class BodyBuffers {
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** Uninitialised or sealed bytes of before; the caller writes all of it. */
  take(bytes: number): Uint8Array {
    if (bytes > largestBytes) return new Uint8Array(bytes);
    const size = sizeFor(bytes);
    const buffer = this.#free.get(size)?.pop() ?? new ArrayBuffer(size);
    return new Uint8Array(buffer, 0, bytes);
  }

  /** Nobody may read `body` any more. */
  giveBack(body: Uint8Array): void {
    const { buffer } = body;
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength > largestBytes) return;
    const kept = this.#free.get(buffer.byteLength) ?? [];
    if (kept.length < keptPerSize) kept.push(buffer);
    this.#free.set(buffer.byteLength, kept);
  }
}

/** The next power of two. */
function sizeFor(bytes: number): number {
  let size = smallestBytes;
  while (size < bytes) size *= 2;
  return size;
}
