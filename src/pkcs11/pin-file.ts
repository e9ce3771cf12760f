import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Pkcs11Error } from './pkcs11-error.ts';

const pinBytesMax = 255;

/**
 * The bytes of a PIN file up to its first line end; the caller overwrites them.
 *
 * @throws Pkcs11Error `configuration` if it cannot be read, or others than its owner can
 */
export function readPin(path: string): Uint8Array {
  const content = new Uint8Array(pinBytesMax + 1);
  try {
    const length = readPrivateFile(path, content);
    const end = content.subarray(0, length).findIndex((byte) => byte === 0x0a || byte === 0x0d);
    const pin = content.slice(0, end === -1 ? length : end);
    if (pin.length > 0 && length <= pinBytesMax) return pin;
    throw new Pkcs11Error('configuration', `The PIN file ${path} must hold 1 to 255 bytes.`);
  } finally {
    content.fill(0);
  }
}

function readPrivateFile(path: string, into: Uint8Array): number {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const mode = fstatSync(file).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const text = `The PIN file ${path} has mode 0${mode.toString(8)}, which lets others in: chmod 0600`;
      throw new Pkcs11Error('configuration', text);
    }
    return readSync(file, into, 0, into.length, 0);
  } catch (error) {
    if (error instanceof Pkcs11Error) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new Pkcs11Error('configuration', `The PIN file ${path} cannot be read: ${code}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
