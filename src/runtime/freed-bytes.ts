/**
 * Gives the memory of bytes back at once, if it is theirs alone. The collector sees little of what
 * lies outside its heap: a long stream would fill hundreds of mebibytes before it came by.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  const isWhole = bytes.byteLength === buffer.byteLength;
  if (isWhole && buffer instanceof ArrayBuffer && buffer.byteLength > 0) buffer.transfer(0);
}
