import type { ReadStream } from 'node:tty';

/** What a prompt needs of a process. */
export interface PromptedProcess {
  readonly stdin: Pick<
    ReadStream,
    'isTTY' | 'setRawMode' | 'resume' | 'pause' | 'on' | 'off' | 'unref' | 'ref'
  >;
  readonly stderr: { write(text: string): unknown };
}

const lengthMax = 1024;
const keys = { enter: 0x0d, newline: 0x0a, interrupt: 0x03, end: 0x04, rubOut: 0x7f, erase: 0x08 };

/**
 * Asks for a passphrase on the terminal, without showing it; the caller overwrites the bytes.
 * Undefined if nobody sits there, so that a service fails instead of waiting for ever.
 */
export function passphrasePrompt(host: PromptedProcess): (() => Promise<Uint8Array>) | undefined {
  return host.stdin.isTTY ? () => ask(host) : undefined;
}

function ask({ stdin, stderr }: PromptedProcess): Promise<Uint8Array> {
  const typed = new Uint8Array(lengthMax);
  let length = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  /** True at the end of the line. */
  const take = (byte: number): boolean => {
    if (byte === keys.enter || byte === keys.newline || byte === keys.end) return true;
    if (byte === keys.interrupt) reject(new Error('No passphrase was given.'));
    else if (byte === keys.rubOut || byte === keys.erase) length = lastCharacterAt(typed, length);
    else if (length < lengthMax) typed[length++] = byte;
    return byte === keys.interrupt;
  };
  const onData = (chunk: Buffer): void => {
    const isOver = chunk.some(take);
    chunk.fill(0);
    if (!isOver) return;
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
    resolve(typed.slice(0, length));
    typed.fill(0);
  };
  stderr.write('Passphrase of the root key: ');
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return promise;
}

/** Where the last UTF-8 character begins: rubbing out takes all of its bytes. */
function lastCharacterAt(bytes: Uint8Array, length: number): number {
  let at = Math.max(0, length - 1);
  while (at > 0 && (bytes[at]! & 0xc0) === 0x80) at--;
  return at;
}
