import { createCipheriv, createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { openImageBench } from '../support/image-bench.ts';
import { type MadeImage, makeImage, makeTar } from '../support/oci-image.ts';

/** A vault in a process of its own: `import-main.ts gibibyte|stall|resume FOLDER`. */
const [what, folder] = process.argv.slice(2);
const bench = await openImageBench({}, folder);

if (what === 'gibibyte') await takeGibibyte();
else if (what === 'stall') await stall();
else await resume();
await bench.close();

async function takeGibibyte(): Promise<void> {
  const size = 2 ** 30;
  const head = resized((await makeTar([{ name: 'noise' }])).subarray(0, 512), size);
  const hash = createHash('sha256');
  let bytes = 0;
  for (const chunk of tarOf(head, size)) {
    hash.update(chunk);
    bytes += chunk.length;
    if (chunk.byteLength === chunk.buffer.byteLength) (chunk.buffer as ArrayBuffer).transfer(0);
  }
  const digest = `sha256:${hash.digest('hex')}`;
  const made = makeImage([Buffer.alloc(0)], { compression: 'none' });
  const layer = { ...made.layers[0]!, digest, diffId: digest, size: bytes };
  bench.sources.add('img', { ...made, layers: [layer] });
  bench.sources.forged.set(digest, () => Readable.from(tarOf(head, size), { objectMode: false }));
  // The code of a thread, and what loading it takes, is there for every size.
  bench.sources.add('small', makeImage([await makeTar([{ name: 'small' }])]));
  await bench.import('small');
  const before = process.resourceUsage().maxRSS;
  const image = await bench.import('img');
  const grownMiB = (process.resourceUsage().maxRSS - before) / 1024;
  process.stdout.write(JSON.stringify({ grownMiB, tarBytes: image.layers[0]!.size }));
}

/** The header of a file that is as long. */
function resized(header: Buffer, size: number): Buffer {
  const block = Buffer.from(header);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** The same noise each time: zeros would be a bomb. */
function* tarOf(head: Buffer, size: number): Generator<Buffer> {
  yield Buffer.from(head);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
  const zeros = Buffer.alloc(262_144);
  for (let at = 0; at < size; at += zeros.length) yield cipher.update(zeros);
  yield Buffer.alloc(1024);
}

async function images(): Promise<MadeImage> {
  const tar = (name: string): Promise<Buffer> => makeTar([{ name, data: name.repeat(90_000) }]);
  return makeImage([await tar('first'), await tar('second')]);
}

/** Stops for ever amid the second layer, and says so. */
async function stall(): Promise<void> {
  const made = await images();
  bench.sources.add('img', made);
  bench.sources.forged.set(made.layers[1]!.digest, () => Readable.from(begun(made)));
  await bench.import('img');
}

async function* begun(made: MadeImage): AsyncGenerator<Buffer> {
  yield Buffer.from(made.layers[1]!.bytes.subarray(0, 100));
  process.stdout.write('amid the second layer');
  await once();
}

function once(): Promise<never> {
  // Something has to keep the process: it is to be killed, not to end.
  process.stdin.resume();
  return new Promise(() => undefined);
}

async function resume(): Promise<void> {
  bench.sources.add('img', await images());
  const before = (await bench.stored()).length;
  await bench.import('img');
  const staged = readdirSync(join(folder!, 'staging')).length;
  process.stdout.write(JSON.stringify({ before, opened: bench.sources.opened.length, staged }));
}
