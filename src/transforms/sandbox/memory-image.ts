import type { WasmMemory } from './web-assembly.ts';

/** Between a machine's data and its heap lies its stack, nearly all of it never touched. */
const stackBytesMin = 4 * 1024 * 1024;
const blockBytes = 65_536;
const zeros = Buffer.alloc(blockBytes);

/**
 * What a machine's memory holds while nothing runs in it. To put it back is to forget all that
 * happened since, for a fraction of the cost of a new context: some 300 KiB are copied.
 */
export class MemoryImage {
  readonly #memory: WasmMemory;
  readonly #parts: readonly { readonly at: number; readonly bytes: Uint8Array }[];

  constructor(memory: WasmMemory) {
    this.#memory = memory;
    const bytes = new Uint8Array(memory.buffer);
    this.#parts = partsOf(bytes).map(([at, end]) => ({ at, bytes: bytes.slice(at, end) }));
  }

  get byteLength(): number {
    return this.#parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  restore(): void {
    const memory = new Uint8Array(this.#memory.buffer);
    for (const { at, bytes } of this.#parts) memory.set(bytes, at);
  }
}

/** The data and the heap in use; what lies above its end, and below the stack's, means nothing. */
function partsOf(bytes: Uint8Array): [number, number][] {
  const blocks = Math.ceil(bytes.length / blockBytes);
  const isBlank = (block: number): boolean => isZero(bytes, block * blockBytes);
  let end = blocks;
  while (end > 0 && isBlank(end - 1)) end--;
  let stack = 0;
  while (stack < end && !isBlank(stack)) stack++;
  let heap = stack;
  while (heap < end && isBlank(heap)) heap++;
  // In a build that is laid out otherwise nothing is left out.
  if ((heap - stack) * blockBytes < stackBytesMin) return [[0, end * blockBytes]];
  return [
    [0, stack * blockBytes],
    [heap * blockBytes, end * blockBytes],
  ];
}

function isZero(bytes: Uint8Array, at: number): boolean {
  return zeros.equals(bytes.subarray(at, at + blockBytes));
}
