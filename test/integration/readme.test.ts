import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freePort } from '../../bench/servers/program.ts';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const tour = /^## Five-minute tour\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
const canRun = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0);

interface Step {
  readonly script: string;
  /** Lines of the text block behind it: parts of what it prints, in this order. */
  readonly expected: readonly string[];
}

function stepsOf(markdown: string): Step[] {
  const blocks = [
    ...markdown.matchAll(/^```bash\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm),
  ];
  return blocks.map(([, script = '', text = '']) => ({
    script,
    expected: text.split('\n').filter((line) => line !== ''),
  }));
}

/** One shell runs all steps, as a reader's would; a line of its own marks where each begins. */
async function runTour(steps: readonly Step[], url: string): Promise<string[]> {
  const mark = '=== step';
  const script = steps.map((step) => `echo '${mark}'\n${step.script}`).join('\necho\n');
  const endpointPort = String(await freePort());
  const here = script
    .replaceAll('127.0.0.1:8085', new URL(url).host)
    .replaceAll('9085', endpointPort);
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH']}`;
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', here], {
    cwd: root,
    env: { ...process.env, PATH: path },
  });
  return stdout.split(`${mark}\n`).slice(1);
}

test.skipIf(!canRun)(
  'the tour of the README does what the README shows (needs bash and curl)',
  async () => {
    const steps = stepsOf(tour);
    expect(steps.length).toBeGreaterThan(6);
    expect(steps.filter(({ expected }) => expected.length > 0).length).toBeGreaterThan(5);
    const folder = temporaryFolder();
    const server = new SealpostProcess([
      'serve',
      '--port',
      '0',
      '--data-dir',
      join(folder.path, 'data'),
    ]);
    try {
      const outputs = await runTour(steps, await server.url());
      for (const [index, { script, expected }] of steps.entries()) {
        let rest = outputs[index] ?? '';
        for (const line of expected) {
          expect(rest, `printed by:\n${script}`).toContain(line);
          rest = rest.slice(rest.indexOf(line) + line.length);
        }
      }
    } finally {
      await server.stop();
      folder.remove();
    }
  },
);
