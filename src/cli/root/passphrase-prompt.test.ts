import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { passphrasePrompt, type PromptedProcess } from './passphrase-prompt.ts';

/** A terminal at which the test types. */
class Keyboard extends EventEmitter {
  isTTY = true;
  isRaw = false;
  isPaused = true;
  shown = '';

  setRawMode(isRaw: boolean): this {
    this.isRaw = isRaw;
    return this;
  }
  resume(): this {
    this.isPaused = false;
    return this;
  }
  pause(): this {
    this.isPaused = true;
    return this;
  }

  get host(): PromptedProcess {
    const stderr = { write: (text: string) => void (this.shown += text) };
    return { stdin: this as unknown as PromptedProcess['stdin'], stderr };
  }

  type(text: string): Buffer {
    const chunk = Buffer.from(text);
    this.emit('data', chunk);
    return chunk;
  }
}

test('asks without showing what is typed, mends what was rubbed out, and leaves the terminal', async () => {
  const keyboard = new Keyboard();
  const asked = passphrasePrompt(keyboard.host)!();
  expect(keyboard.isRaw).toBe(true);
  const chunk = keyboard.type('secrex');
  keyboard.type('\u007fts and mäusü\u007fe\r');
  expect(new TextDecoder().decode(await asked)).toBe('secrets and mäuse');
  expect(keyboard.shown).toBe('Passphrase of the root key: \n');
  expect([keyboard.isRaw, keyboard.isPaused, keyboard.listenerCount('data')]).toEqual([
    false,
    true,
    0,
  ]);
  expect(chunk).toEqual(Buffer.alloc(6));
});

test('Ctrl-C ends it with an error, and leaves the terminal', async () => {
  const keyboard = new Keyboard();
  const asked = passphrasePrompt(keyboard.host)!();
  keyboard.type('half a\u0003');
  await expect(asked).rejects.toThrow('No passphrase was given.');
  expect(keyboard.isRaw).toBe(false);
});

test('nobody is asked where nobody sits', () => {
  const keyboard = new Keyboard();
  keyboard.isTTY = false;
  expect(passphrasePrompt(keyboard.host)).toBeUndefined();
});
