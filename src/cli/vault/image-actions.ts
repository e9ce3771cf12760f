import { pause } from '../../runtime/index.ts';
import { CommandError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { byteText } from '../output/plain-text.ts';
import type { Column } from '../output/table.ts';
import { listIn, objectIn, serviceName } from '../run/knative.ts';

/** SHARED: of SIZE, what is stored once for several images. */
const imageColumns: readonly Column[] = [
  { title: 'SERVICE' },
  { title: 'IMAGE' },
  { title: 'DIGEST' },
  { title: 'KEY' },
  { title: 'LAYERS', isNumber: true },
  { title: 'SIZE', isNumber: true },
  { title: 'SHARED', isNumber: true },
];
const fileColumns: readonly Column[] = [
  { title: 'LAYER', isNumber: true },
  { title: 'MODE' },
  { title: 'OWNER' },
  { title: 'SIZE', isNumber: true },
  { title: 'PATH' },
];
const lookMs = 500;
/** `sha256:` and 12 digits: enough to name an image. */
const digestLength = 19;

export const listImages: Action = async (call, tools) => {
  const { images } = await tools.api.get('sealpost/v1/vault/images');
  const all = ((images ?? []) as Json[]).toSorted(
    (one, other) =>
      textIn(one, 'service').localeCompare(textIn(other, 'service')) ||
      importedMs(other) - importedMs(one),
  );
  const [service] = call.arguments;
  if (service === undefined) {
    tools.out.list(all, imageColumns, imageRow, 'The vault holds no images.');
    return;
  }
  await listFiles(call, tools, all);
};

function bytesOf(layers: readonly Json[]): string {
  return byteText(layers.reduce((sum, layer) => sum + Number(layer['size']), 0));
}

function imageRow(image: Json): string[] {
  const layers = listIn(image, 'layers');
  const shared = layers.filter((layer) => Number(layer['references']) > 1);
  return [
    shortId(textIn(image, 'service')),
    textIn(image, 'reference'),
    textIn(image, 'digest').slice(0, digestLength),
    shortKey(textIn(image, 'key')) || "the server's own",
    String(layers.length),
    bytesOf(layers),
    shared.length === 0 ? '' : bytesOf(shared),
  ];
}

async function listFiles(call: Call, tools: Tools, images: readonly Json[]): Promise<void> {
  const name = serviceName(call.arguments[0]!, call.flags, tools);
  const digest = textIn(chosenImage(call, tools, images, name), 'digest');
  const answer = await tools.api.get(`sealpost/v1/vault/${name}/files`, { digest });
  const entries = listIn(answer, 'layers').flatMap((layer, at) =>
    listIn(layer, 'entries').map((entry) => ({ layer: at + 1, ...entry })),
  );
  tools.out.list(entries, fileColumns, fileRow, 'The image is empty.');
}

/** The first of `images`, the newest, of a service whose digest begins as asked for. */
function chosenImage(call: Call, tools: Tools, images: readonly Json[], name: string): Json {
  const wanted = (call.flags.text('digest') ?? '').replace(/^(?!sha256:)/, 'sha256:');
  const [image, ...others] = images.filter(
    (each) => each['service'] === name && textIn(each, 'digest').startsWith(wanted),
  );
  if (image === undefined) {
    throw new CommandError(`The vault has no such image of ${name}.`, {
      exitCode: exitCodes.notFound,
      hint: 'Look for it with: sealpost vault ls',
    });
  }
  // The same image under another key has the same files.
  const older = new Set(others.map((each) => textIn(each, 'digest')));
  older.delete(textIn(image, 'digest'));
  if (older.size > 0) {
    const shown = [...older].map((digest) => digest.slice(0, digestLength)).join(', ');
    tools.out.note(`The newest of several, ${textIn(image, 'digest')}. Others: --digest ${shown}`);
  }
  return image;
}

const importedMs = (image: Json): number => Date.parse(textIn(image, 'importTime'));

const typeLetters: Readonly<Record<string, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  character: 'c',
  block: 'b',
  fifo: 'p',
  whiteout: 'w',
  opaque: 'o',
};

function fileRow(entry: Json): string[] {
  const link = textIn(entry, 'linkname');
  const mode = Number(entry['mode']).toString(8).padStart(4, '0');
  const size = textIn(entry, 'type') === 'file' ? byteText(Number(entry['size'])) : '';
  return [
    textIn(entry, 'layer'),
    `${typeLetters[textIn(entry, 'type')] ?? '?'}${mode}`,
    `${textIn(entry, 'uid')}:${textIn(entry, 'gid')}`,
    size,
    `/${textIn(entry, 'path')}${link === '' ? '' : ` -> ${link}`}`,
  ];
}

export const importImage: Action = async ({ arguments: given, flags }, tools) => {
  const [id = '', image = ''] = given;
  const service = serviceName(id, flags, tools);
  const started = await tools.api.post('sealpost/v1/vault:import', { service, image });
  const job = await followed(tools, started);
  if (job['state'] === 'failed') throw new CommandError(textIn(job, 'error'));
  if (job['state'] === 'running') {
    throw new CommandError('The import goes on in the server.', {
      exitCode: exitCodes.interrupted,
      hint: 'Asked for again, it counts on what is stored by then.',
    });
  }
  tools.out.result(job, [
    `Imported ${image} as ${textIn(job, 'digest')} for ${id}.`,
    `Next: sealpost run deploy ${id} --image ${image}`,
  ]);
};

/** Until its end, or until Ctrl-C, which leaves the server at it. */
async function followed({ api, clock, terminal }: Tools, first: Json): Promise<Json> {
  const stop = terminal.stopSignal();
  const isLive = terminal.stderr.isTTY;
  let job = first;
  while (job['state'] === 'running' && !stop.aborted) {
    if (isLive) terminal.stderr.write(`\r\u{1b}[K${progressLine(job)}`);
    await pause(clock, lookMs, stop);
    const { imports } = await api.get('sealpost/v1/vault/imports');
    const found = ((imports ?? []) as Json[]).find(({ id }) => id === first['id']);
    if (found === undefined) throw forgotten();
    job = found;
  }
  if (isLive) terminal.stderr.write('\r\u{1b}[K');
  return job;
}

function forgotten(): CommandError {
  return new CommandError('The server knows nothing of the import any more: it was restarted.', {
    hint: 'Asked for again, it counts on what is stored by now.',
  });
}

function progressLine(job: Json): string {
  if (textIn(job, 'layers') === '') return 'The registry is asked for the image.';
  const { done, total } = objectIn(job, 'bytes');
  const layers = `${textIn(job, 'storedLayers')} of ${textIn(job, 'layers')} layers`;
  if (total === undefined) return layers;
  return `${layers}, ${byteText(Number(done))} of ${byteText(Number(total))} of the next`;
}
