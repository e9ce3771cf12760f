import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const door = new URL('./index.ts', import.meta.url).href;

/** How a program ends that waits for nothing but a clock. */
function endOf(wait: string): number | null {
  const program = `
    import { keepAlive, SystemClock } from '${door}';
    const clock = new SystemClock();
    const pause = new Promise((resolve) => clock.schedule(clock.monotonicMs() + 50, resolve));
    await ${wait};
  `;
  const args = ['--input-type=module', '--eval', program];
  return spawnSync(process.execPath, args, { stdio: 'ignore' }).status;
}

test('what is waited for under it keeps the process, where a clock alone does not', () => {
  expect(endOf('pause')).toBe(13);
  expect(endOf('keepAlive(pause)')).toBe(0);
});

test('gives the result or the error of the work', () => {
  expect(endOf('keepAlive(Promise.reject(new Error("no"))).catch(() => process.exit(3))')).toBe(3);
});
