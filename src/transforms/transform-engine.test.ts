import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { silentLogger } from '../runtime/index.ts';
import { defaultTransformLimits } from './limits.ts';
import type { MessageTransform, TransformableMessage, TransformOutcome } from './transform.ts';
import { openTransformEngine } from './transform-engine.ts';

const clock = new VirtualClock(Date.UTC(2030, 0, 2, 3, 4, 5));
const ports = { clock, log: silentLogger, limits: defaultTransformLimits };
const engine = openTransformEngine(ports);
afterAll(() => engine.close());

const udf = (code: string, functionName: string = 'f'): MessageTransform => ({
  disabled: false,
  javascriptUdf: { functionName, code },
});
const zlib = (mode: 'COMPRESS' | 'DECOMPRESS'): MessageTransform => ({
  disabled: false,
  compression: { algorithm: 'ZLIB', mode },
});

function message(
  data: string | Uint8Array,
  some: Partial<TransformableMessage> = {},
): TransformableMessage {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  return { data: bytes, attributes: {}, orderingKey: '', messageId: '', ...some };
}

function shown(outcome: TransformOutcome): unknown {
  if (outcome.kind === 'filtered') return null;
  if (outcome.kind === 'failed') return [outcome.index, outcome.message];
  return { data: Buffer.from(outcome.data).toString(), attributes: outcome.attributes };
}

async function run(transforms: readonly MessageTransform[], ...messages: TransformableMessage[]) {
  const chain = engine.prepare('projects/p/topics/t', transforms)!;
  const outcomes = await chain.run(messages);
  chain.close();
  return outcomes.map(shown);
}

describe('what messages become is bounded', () => {
  const megabyte = deflateSync(Buffer.alloc(1_000_000));
  const bombs = Array.from({ length: 60 }, () => message(megabyte));
  const names = Array.from({ length: 60 }, (_, at) => message(String(at)));
  const large = `const f = ({ data }) => (data === '1' ? null : { data: data.padEnd(1_000_000) });`;
  const runOnce = async (
    transforms: readonly MessageTransform[],
    messages: readonly TransformableMessage[],
  ): Promise<TransformOutcome[]> => {
    const chain = engine.prepare('projects/p/topics/t', transforms)!;
    const outcomes = await chain.run(messages);
    chain.close();
    return outcomes;
  };

  test.each<[string, MessageTransform[], TransformableMessage[]]>([
    ['unpacked', [zlib('DECOMPRESS')], bombs],
    ['unpacked, then packed', [zlib('DECOMPRESS'), zlib('COMPRESS')], bombs],
    ['made by a function', [udf(large)], names],
    ['made by a function, then packed', [udf(large), zlib('COMPRESS')], names],
  ])(
    'messages that are much larger once they are %s are run a few at a time',
    async (_, all, of) => {
      const outcomes = await runOnce(all, of);
      expect(outcomes.length).toBeGreaterThanOrEqual(4);
      expect(outcomes.length).toBeLessThanOrEqual(12);
      const filtered = outcomes.flatMap(({ kind }, at) => (kind === 'filtered' ? [at] : []));
      expect(filtered).toEqual(of === names ? [1] : []);
      expect(outcomes.every(({ kind }) => kind !== 'failed')).toBe(true);
    },
  );
});

describe('a function on messages', () => {
  test('changes some, leaves some, filters some and fails on some, each on its own', async () => {
    const code = `function f(message, metadata) {
      if (message.data === 'drop') return null;
      if (message.data === 'throw') throw new RangeError('no');
      if (message.data === 'leave') return message;
      return { data: message.data.toUpperCase(), attributes: { ...message.attributes, more: '1' } };
    }`;
    const attributes = { a: 'b' };
    const all = ['x', 'drop', 'throw', 'leave', 'é'].map((data) => message(data, { attributes }));
    expect(await run([udf(code)], ...all)).toEqual([
      { data: 'X', attributes: { a: 'b', more: '1' } },
      null,
      [0, expect.stringMatching(/^RangeError: no\n +at f \(udf\.js:3:\d+\)$/)],
      { data: 'leave', attributes },
      { data: 'É', attributes: { a: 'b', more: '1' } },
    ]);
  });

  test('keeps the attributes when it returns none, and drops them all for an empty object', async () => {
    const attributes = { a: 'b', ['__proto__']: 'p' };
    const [kept] = await run(
      [udf('const f = ({ data }) => ({ data });')],
      message('', { attributes }),
    );
    expect(Object.entries((kept as TransformableMessage).attributes)).toEqual(
      Object.entries(attributes),
    );
    const dropped = udf('const f = ({ data }) => ({ data, attributes: {} });');
    expect(await run([dropped], message('', { attributes }))).toEqual([
      { data: '', attributes: {} },
    ]);
  });

  test('is told of the message what is known, in the proto’s words', async () => {
    const code =
      'const f = (m, metadata) => ({ data: JSON.stringify([Object.keys(m), metadata]) });';
    const known = {
      messageId: '7',
      orderingKey: 'k',
      publishTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    };
    const [all, none] = (await run([udf(code)], message('', known), message(''))) as {
      data: string;
    }[];
    expect(JSON.parse(all!.data)).toEqual([
      ['data', 'attributes'],
      { message_id: '7', publish_time: '2026-01-02T03:04:05Z', ordering_key: 'k' },
    ]);
    expect(JSON.parse(none!.data)).toEqual([['data', 'attributes'], {}]);
  });

  test('sees the broker’s time, in UTC, and it stands still', async () => {
    const code = `const f = () => {
      const now = new Date(); let sum = 0; for (let i = 0; i < 1e5; i++) sum += i;
      return { data: [+now === Date.now(), now.toISOString(), now.getTimezoneOffset(), now.getHours()].join() };
    };`;
    expect(await run([udf(code)], message(''))).toEqual([
      { data: 'true,2030-01-02T03:04:05.000Z,0,3', attributes: {} },
    ]);
  });

  test('has chance of its own for each message', async () => {
    const code = 'const f = () => ({ data: String(Math.random()) });';
    const all = (await run([udf(code)], message(''), message(''))) as { data: string }[];
    expect(all[0]!.data).not.toBe(all[1]!.data);
  });

  test('is not shown bytes that are no text', async () => {
    const outcomes = await run(
      [udf('const f = (m) => m;')],
      message(Uint8Array.of(0xff)),
      message('ok'),
    );
    expect(outcomes).toEqual([
      [0, 'The data of the message is not valid UTF-8.'],
      { data: 'ok', attributes: {} },
    ]);
  });

  test('gives its messages to their callers in order, however many come at once', async () => {
    const chain = engine.prepare('t', [udf('const f = (m) => m;')])!;
    const runs = Array.from({ length: 5 }, (_, a) =>
      chain.run(Array.from({ length: 70 }, (__, b) => message(`${a}-${b}`))),
    );
    for (const [a, outcomes] of (await Promise.all(runs)).entries()) {
      const data = outcomes.map((outcome) => (shown(outcome) as { data: string }).data);
      expect(data).toEqual(Array.from({ length: 70 }, (_, b) => `${a}-${b}`));
    }
    chain.close();
    expect(shown((await chain.run([message('')]))[0]!)).toEqual([
      0,
      'The transform is no longer in use.',
    ]);
  });
});

describe('a chain of transforms', () => {
  const chain = [
    zlib('DECOMPRESS'),
    { ...udf('const f = () => null;'), disabled: true },
    udf("const f = (m) => m.data === 'drop' ? null : { ...m, data: m.data + '!' };"),
    udf("function g(m) { if (m.data === 'bad!') throw 'bad'; return m; }", 'g'),
    zlib('COMPRESS'),
  ];

  test('goes in order, past the disabled ones, and ends at what is filtered or fails', async () => {
    const sent = ['good', 'drop', 'bad'].map((data) => message(deflateSync(data)));
    const prepared = engine.prepare('t', chain)!;
    const [good, drop, bad, broken] = await prepared.run([...sent, message('plain')]);
    expect(good!.kind === 'transformed' && inflateSync(good!.data).toString()).toBe('good!');
    expect(drop).toEqual({ kind: 'filtered' });
    expect(bad).toEqual({ kind: 'failed', index: 3, message: 'bad' });
    expect(broken).toMatchObject({ kind: 'failed', index: 0 });
    prepared.close();
  });

  test('tells of one message what each transform made of it', async () => {
    const prepared = engine.prepare('t', chain.slice(1))!;
    const traced = async (data: string): Promise<unknown[]> =>
      (await prepared.trace(message(data))).slice(0, 2).map(shown);
    expect(await traced('x')).toEqual([
      { data: 'x!', attributes: {} },
      { data: 'x!', attributes: {} },
    ]);
    expect(await prepared.trace(message('x'))).toHaveLength(3);
    expect(await traced('drop')).toEqual([null]);
    expect(await traced('bad')).toEqual([{ data: 'bad!', attributes: {} }, [2, 'bad']]);
    prepared.close();
  });

  test('is none when there is nothing to do', () => {
    expect(engine.prepare('t', [])).toBeNull();
    expect(engine.prepare('t', [{ ...zlib('COMPRESS'), disabled: true }])).toBeNull();
  });
});

describe('a transform that is checked', () => {
  test.each([
    ['a function', udf('function f(m) { return m; }'), null],
    ['compression', zlib('COMPRESS'), null],
    [
      'a disabled function that does not parse',
      { ...udf('function f('), disabled: true },
      /SyntaxError/,
    ],
    ['code that does not parse', udf('function f() {\n  return }}'), /SyntaxError.*\n.*udf\.js:2/],
    ['another function', udf('function g() {}'), /does not contain a function named 'f'/],
    ['no name', udf('x', ''), /must not be empty/],
    ['no code', udf(''), /must not be empty/],
    ['a name that is code', udf('function f() {}', 'f;g'), /identifier/],
    ['a name that is a word of the language', udf('1', 'class'), /./],
    ['a NUL', udf('function f() {}\0'), /NUL/],
    ['half a character', udf('// \ud800'), /Unicode/],
    ['too much code', udf(`function f() {}${' '.repeat(20_480)}`), /20 KB/],
  ])('is judged: %s', async (_, transform, problem) => {
    const found = await engine.check(transform);
    if (problem === null) expect(found).toBeNull();
    else expect(found).toMatch(problem);
  });

  test('fails each message with the same words if it is used all the same', async () => {
    const refused = await engine.check(udf('let f;'));
    expect(await run([udf('let f;')], message(''), message(''))).toEqual([
      [0, refused],
      [0, refused],
    ]);
    expect(await run([udf('', 'f')], message(''))).toEqual([[0, 'The code must not be empty.']]);
  });
});

test('an engine that has nothing to do starts no thread, and one that ended starts none either', async () => {
  let started = 0;
  const count = (): void => void started++;
  process.on('worker', count);
  const idle = openTransformEngine(ports);
  const chain = idle.prepare('t', [udf('const f = (m) => m;')])!;
  expect(started).toBe(0);
  expect((await chain.run([message('')]))[0]!.kind).toBe('transformed');
  await idle.close();
  expect((await chain.run([message('')]))[0]!.kind).toBe('failed');
  expect(await idle.check(udf('const f = (m) => m;'))).toBe('The transform is no longer in use.');
  process.off('worker', count);
  expect(started).toBe(1);
});
