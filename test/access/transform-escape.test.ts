import { afterAll, describe, expect, test } from 'vitest';

import { silentLogger, SystemClock } from '../../src/runtime/index.ts';
import {
  defaultTransformLimits,
  openTransformEngine,
  type TransformableMessage,
  type TransformChain,
  type TransformOutcome,
} from '../../src/transforms/index.ts';
import { type Hostile, hostiles } from './hostile-functions.ts';

const limits = { ...defaultTransformLimits, callMs: 150 };
const engine = openTransformEngine({ clock: new SystemClock(), log: silentLogger, limits });
afterAll(() => engine.close());

const message = (data: string): TransformableMessage => ({
  data: new TextEncoder().encode(data),
  attributes: { a: 'b' },
  orderingKey: '',
  messageId: '',
});

function prepare(body: string): TransformChain {
  const code = `function f(message) {\nif (message.data === 'bad') { ${body}\n}\nreturn message; }`;
  const javascriptUdf = { functionName: 'f', code };
  return engine.prepare('projects/p/topics/t', [{ disabled: false, javascriptUdf }])!;
}

function shown(outcome: TransformOutcome): string {
  if (outcome.kind !== 'transformed') return outcome.kind;
  return `${Buffer.from(outcome.data).toString()} ${JSON.stringify(outcome.attributes)}`;
}

const good = 'good {"a":"b"}';
/** Of another resource: it runs beside all the hostile ones. */
const neighbour = prepare('');

async function attack({ body, ends }: Hostile): Promise<void> {
  const chain = prepare(body);
  const batch = ['good', 'bad', 'good'].map(message);
  const [outcomes, beside] = await Promise.all([
    chain.run(batch),
    neighbour.run(['bad', 'good'].map(message)),
  ]);
  const [first, bad, last] = outcomes;
  expect([first, last].map((outcome) => shown(outcome!))).toEqual([good, good]);
  expect(beside.map(shown)).toEqual(['bad {"a":"b"}', good]);
  if (ends === 'harmless') expect(bad!.kind).not.toBe('filtered');
  else if (bad!.kind === 'failed') expect(bad!.message).toMatch(ends);
  else expect(shown(bad!)).toBe('a failure');
  if (bad!.kind === 'failed') expect(bad!.message).not.toMatch(/wasm|\.ts|node|prelude|\/|\$\{/);
  // The machine that was attacked goes on, or another takes its place.
  expect((await chain.run([message('good')])).map(shown)).toEqual([good]);
  chain.close();
}

describe('a hostile function harms its own message at most', () => {
  test.each(hostiles)('$name', attack);
});

describe('code that is hostile when it is loaded', () => {
  test.each([
    ['without end', 'for (;;);'],
    ['in native code without end', '[].indexOf.call({ length: 2 ** 53 - 1 }, 1);'],
    ['of a bomb', 'const a = []; for (;;) a.push(new Uint8Array(1e6));'],
  ])('%s fails its own messages, and its check', async (_, code) => {
    const text = /^Loading the code|out of memory/;
    const javascriptUdf = { functionName: 'f', code: `${code}\nfunction f(m) { return m; }` };
    const transform = { disabled: false, javascriptUdf };
    const chain = engine.prepare('projects/p/topics/t', [transform])!;
    const [refusal, mine, beside] = await Promise.all([
      engine.check(transform),
      chain.run([message('good')]),
      neighbour.run([message('good')]),
    ]);
    expect(refusal).toMatch(text);
    expect(mine[0]).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(text) as string,
    });
    expect(beside.map(shown)).toEqual([good]);
    chain.close();
  });
});

test('two functions that never end leave a third its turns', async () => {
  const spinners = [prepare('for (;;);'), prepare('for (;;);')];
  let ended = 0;
  const spun = spinners.map(async (chain) => {
    const outcomes = await chain.run(Array.from({ length: 30 }, () => message('bad')));
    ended++;
    return outcomes;
  });
  for (let times = 0; times < 40; times++) {
    expect((await neighbour.run([message('good')])).map(shown)).toEqual([good]);
  }
  // Sixty turns of the spinners were not over before forty of the neighbour.
  expect(ended).toBe(0);
  for (const chain of spinners) chain.close();
  for (const outcomes of await Promise.all(spun)) {
    expect(outcomes.every(({ kind }) => kind === 'failed')).toBe(true);
  }
});
