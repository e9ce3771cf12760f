import { describe, expect, test } from 'vitest';

import { defaultTransformLimits } from '../limits.ts';
import { CpuMeter } from './cpu-meter.ts';
import { type CallEnd, Sandbox } from './sandbox.ts';

const limits = { ...defaultTransformLimits, callMs: 200 };

function load(code: string, functionName: string = 'f'): Promise<Sandbox> {
  const meter = new CpuMeter(limits.callMs, () => undefined);
  return Sandbox.load({ functionName, code }, limits, meter);
}

function call(sandbox: Sandbox, data: string = '', seed: readonly number[] = [1, 2, 3]): unknown {
  const end = ended(sandbox, data, seed);
  return end.kind === 'answer' ? JSON.parse(end.json) : end.kind;
}

function ended(sandbox: Sandbox, data: string, seed: readonly number[] = [1, 2, 3]): CallEnd {
  return sandbox.call(JSON.stringify({ message: { data, attributes: {} }, metadata: {}, seed }));
}

describe('loading a function', () => {
  test.each([
    ['a declaration', 'function f(m) { return m; }'],
    ['a constant', 'const f = (m) => m;'],
    ['a comment at the end', 'function f(m) { return m; } // the end'],
  ])('takes %s', async (_, code) => {
    expect(call(await load(code), 'x')).toEqual({ data: 'x', attributes: {} });
  });

  test.each([
    [
      'code that does not parse, with the place',
      'let a;\nlet b c;',
      /^SyntaxError: .*\n.*udf\.js:2:/,
    ],
    [
      'code without the function',
      'function g() {}',
      /^The code does not contain a function named 'f'/,
    ],
    ['something else of the name', 'const f = 1;', /^The code does not contain a function/],
    ['what throws', '\nthrow new TypeError("no");', /^TypeError: no\n.*udf\.js:2/],
    ['what throws no error', 'throw { toString() { throw 1; } };', /^Error$/],
    ['what never ends', 'for (;;);', /^Loading the code takes too long/],
    [
      'what never ends when it is described',
      'throw { get name() { for (;;); } }',
      /takes too long/,
    ],
    ['a bomb', 'const a = []; for (;;) a.push(new Array(1e5).fill(0));', /memory|too long/],
    ['brackets without end', '['.repeat(20_000), /memory or stack|overflow/],
    ['an import', 'import x from "x"; function f() {}', /^SyntaxError/],
  ])('refuses %s', async (_, code, message) => {
    await expect(load(code)).rejects.toThrow(message);
  });
});

describe('a function in its sandbox', () => {
  test('begins each call as the code left it, whatever the calls before did', async () => {
    const sandbox = await load(`
      const seen = []; let big = new Uint8Array(1e6); globalThis.count = 0;
      function f(m) {
        seen.push(m.data); count++; const dirt = big[999999] + big[1]; big.fill(1);
        Object.prototype.leak = m.data; JSON.parse = null; Array.prototype.push = () => 9;
        if (m.data === 'bomb') for (;;) seen[seen.length] = 'x'.repeat(1e5) + seen.length;
        if (m.data === 'spin') for (;;);
        if (m.data === 'deep') (function g() { g(); })();
        return { data: [seen.length, count, dirt, ({}).leak].join() };
      }`);
    const fresh = { data: '1,1,0,a' };
    for (const data of ['a', 'spin', 'a', 'deep', 'a', 'a']) {
      const answer = call(sandbox, data);
      if (data === 'a') expect(answer).toEqual(fresh);
      else expect(answer).not.toEqual(fresh);
    }
    expect(sandbox.isSpent).toBe(false);
    expect(call(sandbox, 'bomb')).not.toHaveProperty('data');
    expect(sandbox.isSpent).toBe(true);
  });

  test('copies little to begin anew', async () => {
    const sandbox = await load('function f(m) { return m; }');
    expect(sandbox.imageBytes).toBeLessThan(1024 * 1024);
  });

  test('has chance that differs by the seed, and by nothing else', async () => {
    const sandbox = await load(
      'function f() { return { data: String([Math.random(), Math.random()]) }; }',
    );
    const first = call(sandbox) as { data: string };
    expect(call(sandbox)).toEqual(first);
    expect(call(sandbox, '', [7, 7, 7])).not.toEqual(first);
    const [x, y] = first.data.split(',').map(Number);
    expect(x).not.toBe(y);
    for (const value of [x!, y!]) expect(value >= 0 && value < 1).toBe(true);
  });

  test('has the language, and nothing else', async () => {
    const sandbox = await load(
      'function f() { return { data: Object.getOwnPropertyNames(globalThis).sort().join() }; }',
    );
    const { data } = call(sandbox) as { data: string };
    const known = new Set([...Object.getOwnPropertyNames(globalThis), 'InternalError', 'f']);
    const found = data.split(',');
    expect(found.filter((name) => !known.has(name) && name !== 'Float16Array')).toEqual([]);
    const banned = /^(process|require|console|fetch|set.*|WebAssembly|SharedArrayBuffer|Atomics)$/;
    expect(found.filter((name) => banned.test(name))).toEqual([]);
    expect(found).toEqual(expect.arrayContaining(['JSON', 'Map', 'Promise', 'Proxy', 'RegExp']));
  });

  test('is handed any text, and hands it back', async () => {
    const sandbox = await load('function f(m) { return m; }');
    for (const data of ['', '\0a\0', '"\\', 'é😀\u2028', '\u{10ffff}', 'x'.repeat(1_000_000)]) {
      expect(call(sandbox, data)).toEqual({ data, attributes: {} });
    }
  });
});
