/** What one function may use, and what a message may become. Sizes in bytes, times in ms. */
export interface TransformLimits {
  readonly codeBytesMax: number;
  /** Processor time of one call, and of loading the code. */
  readonly callMs: number;
  /** A thread that shows no sign of life for so long inside native code is ended. */
  readonly stallMs: number;
  /** Of one function's heap. */
  readonly heapBytes: number;
  readonly stackBytes: number;
  readonly dataBytesMax: number;
  readonly attributesMax: number;
  readonly attributeKeyBytesMax: number;
  readonly attributeValueBytesMax: number;
  /** Messages that wait for one function; further ones fail at once. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Of what one run makes: those after it wait for the next. */
  readonly madeBytesMax: number;
}

/** Production's limits where it has one. */
export const defaultTransformLimits: TransformLimits = {
  codeBytesMax: 20 * 1024,
  callMs: 500,
  stallMs: 2000,
  heapBytes: 64 * 1024 * 1024,
  stackBytes: 256 * 1024,
  dataBytesMax: 10_000_000,
  attributesMax: 100,
  attributeKeyBytesMax: 256,
  attributeValueBytesMax: 1024,
  waitingMax: 10_000,
  waitingBytesMax: 32 * 1024 * 1024,
  madeBytesMax: 4 * 1024 * 1024,
};
