import { expect, test } from 'vitest';
import { runDemo } from '../../src/cli/demo/index.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();

interface Played {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function play(...argv: string[]): Promise<Played> {
  let out = '';
  let err = '';
  const code = await runDemo(argv, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

test('the demo starts a broker, and every check of it holds', async () => {
  const { code, out, err } = await play('--start', '--records', '6000');
  expect([code, err]).toEqual([0, '']);
  expect(out).not.toContain('✗');
  expect(out).toContain('10 of 10 sampled records found in the data set itself');
  expect(out).toMatch(/✓ 0 found in the broker's \d+ files/);
  expect(out.match(/FAILED_PRECONDITION: /g)?.length).toBe(5);
  expect(out.match(/✓ (delays|archive)-\w+: 6,000 records/g)?.length).toBe(2);
});

test('on a used data directory the search finds the files too, though they do not grow', async () => {
  const argv = ['--url', live.url, '--data-dir', live.dataDir, '--records', '3000'];
  for (let n = 0; n < 3; n++) {
    const { code, out, err } = await play(...argv);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/The broker's files hold [\d.]+ MiB now/);
    expect(out).toMatch(/✓ 0 found in the broker's \d+ files/);
  }
});

test('a search that finds no files of the broker is a failed check, unless it was waived', async () => {
  const elsewhere = ['--url', live.url, '--data-dir', './no-such-data', '--records', '2000'];
  const { code, out, err } = await play(...elsewhere);
  expect([code, err]).toEqual([1, '']);
  expect(out.match(/✗.*/g)).toEqual(["✗ nothing was searched: the broker's files are not in"]);
  const waived = await play(...elsewhere, '--no-disk-search');
  expect([waived.code, waived.err]).toEqual([0, '']);
  expect(waived.out).not.toContain('On disk');
});

test('a broker that was asked for and does not answer is an error that says how to start one', async () => {
  const { code, err } = await play('--url', 'http://127.0.0.1:1');
  expect(code).toBe(1);
  expect(err).toContain('No broker answers at http://127.0.0.1:1. Start one with: npm start');
});

test.each([
  [['--records', '10'], '--records takes a number from 2000, not 10.'],
  [['--start', '--url', 'http://127.0.0.1:1'], '--start starts a broker of its own'],
])('%j is refused', async (argv, message) => {
  const { code, err } = await play(...argv);
  expect(code).toBe(1);
  expect(err).toContain(message);
});
