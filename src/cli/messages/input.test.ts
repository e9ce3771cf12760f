import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inputChunks } from './input-chunks.ts';
import { isEmpty, messageOfJson } from './outgoing-message.ts';
import { messageJson, textLine } from './received-message.ts';
import { RecordSplitter, type InputRecord } from './record-splitter.ts';

const frame = { attributes: { table: '7' }, orderingKey: 'k' };
const bytes = (text: string): Uint8Array => Buffer.from(text);

function split(chunks: readonly string[], isNullDelimited = false, bytesMax = 100): InputRecord[] {
  const splitter = new RecordSplitter({ isNullDelimited, bytesMax });
  const records = chunks.flatMap((chunk) => [...splitter.push(bytes(chunk))]);
  const rest = splitter.rest();
  return rest === undefined ? records : [...records, rest];
}

const texts = (records: readonly InputRecord[]): string[] =>
  records.map((record) => Buffer.from(record.bytes).toString());

describe('lines', () => {
  test('are the same however the input is cut into chunks', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', 'ü') });
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(30)), (lines, cuts) => {
        const all = bytes(lines.map((each) => `${each}\n`).join(''));
        const splitter = new RecordSplitter({ isNullDelimited: false, bytesMax: 1000 });
        const records: InputRecord[] = [];
        let at = 0;
        for (const size of [...cuts, all.length]) {
          records.push(...splitter.push(all.subarray(at, at + size)));
          at += size;
        }
        expect(texts(records)).toEqual(lines);
        expect(splitter.hasRest).toBe(false);
      }),
    );
  });

  test('of Windows lose their carriage return, and the last needs no line break', () => {
    expect(texts(split(['a\r\nb\rc\r', '\nd']))).toEqual(['a', 'b\rc', 'd']);
  });

  test('that are too long are named, and hold no memory', () => {
    const records = split(['ok\n', 'x'.repeat(80), 'x'.repeat(80), '\nok\n']);
    expect(records.map(({ number, isTooLong }) => [number, isTooLong])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
    expect(records[1]?.bytes.length).toBe(0);
  });

  test('between NUL bytes may hold anything else', () => {
    expect(texts(split(['a\nb\r\0', 'c\0'], true))).toEqual(['a\nb\r', 'c']);
  });
});

describe('a JSON line', () => {
  test('gives data as text or bytes, and wins over the options', () => {
    const message = messageOfJson(bytes('{"data": "hi", "attributes": {"table": "8"}}'), 1, frame);
    expect([Buffer.from(message.data).toString(), message.attributes, message.orderingKey]).toEqual(
      ['hi', { table: '8' }, 'k'],
    );
    const binary = messageOfJson(bytes('{"dataBase64": "_-8=", "orderingKey": ""}'), 1, frame);
    expect([[...binary.data], binary.orderingKey]).toEqual([[0xff, 0xef], '']);
  });

  test.each([
    ['nonsense', 'it is no JSON'],
    ['[1]', 'it is no object'],
    ['{"data": 1}', 'its data is no string'],
    ['{"data": "", "dataBase64": ""}', 'it has both data and dataBase64'],
    ['{"dataBase64": "*"}', 'its dataBase64 is no base64'],
    ['{"attributes": {"a": 1}}', 'its attributes are no object of strings'],
    ['{"orderingKey": 1}', 'its orderingKey is no string'],
    ['{"dta": "x"}', 'it has the unknown field "dta"'],
  ])('%s is refused with its number', (line, why) => {
    expect(() => messageOfJson(bytes(line), 7, frame)).toThrow(`Line 7 is no message: ${why}.`);
  });

  test('that subscribe printed is published as the same message', () => {
    const attributes = fc.dictionary(fc.string({ minLength: 1 }), fc.string(), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.uint8Array(), attributes, fc.string(), (data, attributes, orderingKey) => {
        const received = { messageId: '1', publishTime: 'now', data, attributes, orderingKey };
        const line = bytes(JSON.stringify(messageJson(received)));
        const again = messageOfJson(line, 1, { attributes: {}, orderingKey: '' });
        expect([...again.data]).toEqual([...data]);
        expect(again.attributes).toEqual(attributes);
        expect(again.orderingKey).toBe(orderingKey);
      }),
    );
  });

  test('is empty with neither data nor attributes', () => {
    expect(isEmpty({ data: bytes(''), attributes: {}, orderingKey: 'k' })).toBe(true);
    expect(isEmpty({ data: bytes(''), attributes: { a: '' }, orderingKey: '' })).toBe(false);
  });
});

test('a line of text shows no control characters on a terminal, and base64 where it is no text', () => {
  const of = (data: Uint8Array, isTerminal: boolean): string =>
    textLine({ messageId: '', publishTime: '', data, attributes: {}, orderingKey: '' }, isTerminal);
  expect(of(bytes('a\u001B[2J'), true)).toBe(String.raw`a\x1b[2J`);
  expect(of(bytes('a\u001B[2J'), false)).toBe('a\u001B[2J');
  expect(of(Uint8Array.of(0xff), false)).toBe('base64:/w==');
});

describe('the input', () => {
  async function take(stream: PassThrough, stop: AbortSignal): Promise<string> {
    let text = '';
    for await (const chunk of inputChunks(stream, stop)) text += Buffer.from(chunk).toString();
    return text;
  }

  test('is read to its end, and let go', async () => {
    const stream = new PassThrough();
    const taken = take(stream, new AbortController().signal);
    stream.write('a');
    stream.end('b');
    expect(await taken).toBe('ab');
    expect(stream.destroyed).toBe(true);
  });

  test('gives what was read already when it is stopped, and no more', async () => {
    const stream = new PassThrough();
    const stop = new AbortController();
    stream.write('read');
    const chunks = inputChunks(stream, stop.signal);
    expect(String((await chunks.next()).value)).toBe('read');
    stream.write('waiting');
    stop.abort();
    expect(String((await chunks.next()).value)).toBe('waiting');
    stream.write('late');
    expect((await chunks.next()).done).toBe(true);
  });

  test('that fails is an error', async () => {
    const stream = new PassThrough();
    const taken = take(stream, new AbortController().signal);
    stream.destroy(new Error('unplugged'));
    await expect(taken).rejects.toThrow('unplugged');
  });
});
