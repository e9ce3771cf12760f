/**
 * The bytes of base64 or base64url text, padded or not, or undefined if it is neither.
 *
 * Node's decoder passes over what it does not know, so every foreign character makes the result
 * shorter than the text's length promises: that is the check. It takes characters beyond Latin-1
 * by their low byte, though, so those are looked for first unless `isAsciiText` rules them out.
 */
export function decodeBase64(text: string, isAsciiText: boolean): Buffer | undefined {
  let length = text.length;
  if (text.endsWith('=')) length -= text.endsWith('==') ? 2 : 1;
  const isPadded = length !== text.length;
  if (length % 4 === 1 || (isPadded && text.length % 4 !== 0)) return undefined;
  if (!isAsciiText && !alphabet.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor((length * 3) / 4) ? bytes : undefined;
}

const alphabet = /^[A-Za-z0-9+/_-]*={0,2}$/;
