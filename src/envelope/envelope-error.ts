/**
 * - `tampered`: the bytes, or where and when they are said to have been written, are not those
 *   that were sealed under this DEK.
 * - `unsupported`: a format, suite or flag that this program does not know, or may not use.
 */
export type EnvelopeReason = 'tampered' | 'unsupported';

/** Stored bytes that do not open. No plaintext came out; the message names no content. */
export class EnvelopeError extends Error {
  override name = 'EnvelopeError';
  readonly reason: EnvelopeReason;

  constructor(reason: EnvelopeReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
