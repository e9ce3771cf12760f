import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';

import { makeBlob } from '../../../test/support/oci-image.ts';
import {
  never,
  openSources,
  refusalOf,
  startRegistry,
} from '../../../test/support/registry-bench.ts';
import { type RegistryServer, serveRange } from '../../../test/support/registry-server.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { HastyClock } from '../../../test/support/hasty-clock.ts';

const size = 300_000;
const bytes = Buffer.alloc(size);
for (let at = 0; at < size; at += 4) bytes.writeUInt32BE(at, at);
const blob = makeBlob('application/vnd.oci.image.layer.v1.tar', bytes);
const patience = { timeout: 20_000 };

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** Reads the blob from a registry that answers for it so. */
async function read(
  answering: Answering | null,
  fromByte = 0,
): Promise<{ got: Promise<Buffer>; registry: RegistryServer; clock: HastyClock }> {
  const registry = await startRegistry();
  registry.put(blob);
  if (answering !== null) {
    registry.intercept = (request, response) => {
      answering(request, response);
      return true;
    };
  }
  const { sources, clock } = openSources([registry.host]);
  const source = sources.open(`${registry.host}/demo/x`);
  const got = source.open(blob, fromByte, never).then((stream) => buffer(stream));
  return { got, registry, clock };
}

/** Gives a part of what is asked for, then breaks off. */
const cutAfter =
  (count: number): Answering =>
  (request, response) => {
    const [, start = '0'] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
    const rest = bytes.subarray(Number(start));
    const range = { 'content-range': `bytes ${start}-${size - 1}/${size}` };
    const head = { 'content-length': rest.length, ...(start !== '0' && range) };
    response.writeHead(start === '0' ? 200 : 206, head);
    if (rest.length <= count) response.end(rest);
    else response.write(rest.subarray(0, count), () => request.socket.destroySoon());
  };

describe('a blob', () => {
  test.each([0, 1, 70_001, size - 1, size])('is read from byte %i on', async (from) => {
    const { got, registry } = await read(null, from);
    expect((await got).equals(bytes.subarray(from))).toBe(true);
    const range = from === 0 ? null : `bytes=${from}-${size - 1}`;
    expect(registry.seen.map((each) => each.range)).toEqual(from === size ? [] : [range]);
  });

  test('is taken up where its connection broke', async () => {
    const { got, registry } = await read(cutAfter(90_000));
    expect((await got).equals(bytes)).toBe(true);
    expect(registry.seen.map(({ range }) => range)).toEqual([
      null,
      ...[90_000, 180_000, 270_000].map((from) => `bytes=${from}-${size - 1}`),
    ]);
  });

  test('from a registry without ranges is read anew, and what was had is passed over', async () => {
    let answers = 0;
    const { got } = await read((request, response) => {
      delete request.headers.range;
      if (answers++ === 0) cutAfter(123_456)(request, response);
      else serveRange(request, response, bytes);
    });
    expect((await got).equals(bytes)).toBe(true);
    expect(answers).toBe(2);
  });

  test('from a registry that says 416 to every range too', async () => {
    const { got, registry } = await read((request, response) => {
      if (request.headers.range === undefined) serveRange(request, response, bytes);
      else response.writeHead(416).end();
    }, 100_000);
    expect((await got).equals(bytes.subarray(100_000))).toBe(true);
    expect(registry.seen.map(({ range }) => range)).toEqual([`bytes=100000-${size - 1}`, null]);
  });

  test('that breaks off without progress is given up after five tries', async () => {
    const { got, clock } = await read(cutAfter(0));
    expect((await refusalOf(got)).slice(0, 2)).toEqual(['UNAVAILABLE', 'REGISTRY_UNAVAILABLE']);
    expect(clock.waitsMs).toEqual([500, 1_000, 2_000, 4_000]);
  });

  test('that breaks off after every few bytes comes to an end too', async () => {
    const { got, registry } = await read(cutAfter(10));
    expect((await refusalOf(got))[1]).toBe('REGISTRY_ANSWER_INVALID');
    expect(registry.seen.length).toBeLessThanOrEqual(100);
  });

  test.each<[string, Answering, string]>([
    [
      'says it is longer',
      (_, response) => response.writeHead(200, { 'content-length': size + 1 }).write('x'),
      'not as long as',
    ],
    [
      'says it is shorter',
      (_, response) => response.writeHead(200, { 'content-length': 3 }).end('abc'),
      'not as long as',
    ],
    [
      'is longer, and does not say so',
      (_, response) => {
        response.write(bytes);
        response.end('more');
      },
      'longer than',
    ],
    ['is not there', (_, response) => response.writeHead(404).end(), 'not in the registry'],
  ])('that %s is refused', async (_, answering, words) => {
    const { got } = await read(answering);
    const refused = await refusalOf(got);
    expect(refused[1]).toBe('IMAGE_INVALID');
    expect(refused[2]).toContain(words);
  });

  test.each([
    ['another range', `bytes 0-9/${size}`, 'REGISTRY_ANSWER_INVALID'],
    ['no range', '', 'REGISTRY_ANSWER_INVALID'],
    ['a range of something else', 'bytes 5-9/10', 'IMAGE_INVALID'],
  ])('that comes as %s is refused', async (_, range, reason) => {
    const { got } = await read((_request, response) => {
      response.writeHead(206, { 'content-range': range }).end('0123456789');
    }, 5);
    expect((await refusalOf(got))[1]).toBe(reason);
  });

  test('that ends early without a length is taken up again', async () => {
    let answers = 0;
    const { got } = await read((request, response) => {
      if (answers++ > 0) serveRange(request, response, bytes);
      else response.writeHead(200).end(bytes.subarray(0, 1_000));
    });
    expect((await got).equals(bytes)).toBe(true);
  });

  test('that a server holds back is asked for anew after half a minute', async () => {
    const registry = await startRegistry();
    registry.put(blob);
    let answers = 0;
    registry.intercept = (_request, response) => {
      if (answers++ > 0) return false;
      response.writeHead(200, { 'content-length': size }).write(bytes.subarray(0, 5_000));
      return true;
    };
    const clock = new VirtualClock();
    const { sources } = openSources([registry.host], { clock });
    const stream = await sources.open(`${registry.host}/demo/x`).open(blob, 0, never);
    const chunks: Buffer[] = [];
    let had = 0;
    stream.on('data', (chunk: Buffer) => (had += chunks.push(chunk) && chunk.length));
    const ended = once(stream, 'end');
    await expect.poll(() => had, patience).toBe(5_000);
    await clock.advance(30_000);
    await clock.advance(500);
    await ended;
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });
});

describe('the connection of a blob ends', () => {
  const endless: Answering = (_request, response) => {
    response.writeHead(200, { 'content-length': size }).write(bytes.subarray(0, 1_000));
  };

  async function opened(signal: AbortSignal) {
    const registry = await startRegistry();
    const closed = Promise.withResolvers<void>();
    registry.intercept = (request, response) => {
      request.socket.once('close', () => closed.resolve());
      endless(request, response);
      return true;
    };
    const { sources } = openSources([registry.host]);
    const stream = await sources.open(`${registry.host}/demo/x`).open(blob, 0, signal);
    return { stream, closed: closed.promise };
  }

  test('with its signal, whose reason the reader gets', async () => {
    const life = new AbortController();
    const { stream, closed } = await opened(life.signal);
    const reading = buffer(stream);
    life.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await closed;
  });

  test('with its reader, also one that never read', async () => {
    const { stream, closed } = await opened(never);
    stream.destroy();
    await closed;
  });

  test('with its reader, amid the blob', async () => {
    const { stream, closed } = await opened(never);
    await once(stream, 'readable');
    stream.read();
    stream.destroy();
    await closed;
  });
});
