import { readFile, stat } from 'node:fs/promises';

import { RpcError } from '../rpc/index.ts';

/** One line of visible ASCII: what may stand in a header. */
const tokenPattern = /^[\x21-\x7e]+$/;

/** A bearer token in a file that something else renews: read again when the file has changed. */
export class TokenFile {
  readonly #path: string;
  #seen = '';
  #token = '';

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The token as the file has it now, without white space around it.
   *
   * @throws RpcError UNAVAILABLE if there is none; the text names the file, never its content
   */
  async token(): Promise<string> {
    try {
      const { mtimeMs, ino, size } = await stat(this.#path);
      const seen = `${mtimeMs} ${ino} ${size}`;
      if (seen === this.#seen) return this.#token;
      const token = (await readFile(this.#path, 'utf8')).trim();
      if (!tokenPattern.test(token)) throw new Error('it holds no token of visible ASCII');
      this.#token = token;
      this.#seen = seen;
      return token;
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown';
      const text = `The token file ${this.#path} cannot be used: ${why}.`;
      throw new RpcError('UNAVAILABLE', 'KMS_TOKEN_UNREADABLE', text, { cause: error });
    }
  }
}
