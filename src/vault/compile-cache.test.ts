import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { expect, test } from 'vitest';

const module = JSON.stringify(new URL('./compile-cache.ts', import.meta.url).href);
const program = `
const { compileCacheEnvironment } = await import(${module});
const { enableCompileCache } = await import('node:module');
const before = compileCacheEnvironment();
enableCompileCache(process.argv[1]);
console.log(JSON.stringify([before, compileCacheEnvironment()]));`;

test('helpers find their code where ours is, and nowhere if ours is kept nowhere', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-cache-'));
  try {
    const args = ['--input-type=module', '-e', program, folder];
    const said = execFileSync(execPath, args, { env: {}, encoding: 'utf8' });
    const [before, after] = JSON.parse(said) as Record<string, string>[];
    expect(before).toEqual({});
    expect(after).toEqual({ NODE_COMPILE_CACHE: expect.stringContaining(folder) as string });
    expect(readdirSync(folder)).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
