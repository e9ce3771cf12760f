import type { TransformLimits } from './limits.ts';
import type { Udf } from './sandbox/sandbox.ts';

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const nameMax = 256;

/** Why a function is refused before anybody tries to load it, or null. */
export function udfProblem({ functionName, code }: Udf, limits: TransformLimits): string | null {
  if (functionName === '') return 'The function name must not be empty.';
  if (functionName.length > nameMax || !identifier.test(functionName)) {
    return 'The function name is not a valid JavaScript identifier.';
  }
  if (code === '') return 'The code must not be empty.';
  if (!code.isWellFormed()) return 'The code is not valid Unicode.';
  // The machine reads code up to its first NUL.
  if (code.includes('\0')) return 'The code must not contain NUL characters.';
  if (Buffer.byteLength(code) <= limits.codeBytesMax) return null;
  return `The code must not be larger than ${limits.codeBytesMax / 1024} KB.`;
}
