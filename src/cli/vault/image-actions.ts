import { CommandError, usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import { pause } from '../command/terminal.ts';
import type { Tools } from '../command/tools.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { byteText } from '../output/plain-text.ts';
import { listIn, locationOf, objectIn } from '../run/knative.ts';

const imageColumns = ['SERVICE', 'IMAGE', 'DIGEST', 'KEY', 'LAYERS', 'SIZE', 'SHARED'].map(
  (title) => ({ title }),
);
const fileColumns = ['MODE', 'OWNER', 'SIZE', 'PATH'].map((title) => ({ title }));
const lookMs = 500;

export const listImages: Action = async (call, tools) => {
  const { images } = await tools.api.get('sealpost/v1/vault/images');
  const all = (images ?? []) as Json[];
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
    textIn(image, 'digest').slice(0, 19),
    shortKey(textIn(image, 'key')),
    String(layers.length),
    bytesOf(layers),
    shared.length === 0 ? '' : bytesOf(shared),
  ];
}

async function listFiles(call: Call, tools: Tools, images: readonly Json[]): Promise<void> {
  const name = `${locationOf(call.flags, tools)}/services/${call.arguments[0]!}`;
  const own = images.filter((image) => image['service'] === name);
  const wanted = call.flags.text('digest');
  const found = own.filter(
    (image) => wanted === undefined || textIn(image, 'digest').startsWith(wanted),
  );
  const [image, second] = found;
  if (image === undefined) {
    throw new CommandError(`The vault has no such image of ${name}.`, { exitCode: 1 });
  }
  if (second !== undefined) {
    const digests = found.map((each) => textIn(each, 'digest')).join('\n  ');
    throw usageError(`${name} has several images.`, `Add --digest, one of\n  ${digests}`);
  }
  const digest = textIn(image, 'digest');
  const answer = await tools.api.get(`sealpost/v1/vault/${name}/files`, { digest });
  const entries = listIn(answer, 'layers').flatMap((layer) => listIn(layer, 'entries'));
  tools.out.list(entries, fileColumns, fileRow, 'The image is empty.');
}

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
  return [
    `${typeLetters[textIn(entry, 'type')] ?? '?'}${mode}`,
    `${textIn(entry, 'uid')}:${textIn(entry, 'gid')}`,
    textIn(entry, 'size'),
    `/${textIn(entry, 'path')}${link === '' ? '' : ` -> ${link}`}`,
  ];
}

export const importImage: Action = async ({ arguments: given, flags }, tools) => {
  const [id = '', image = ''] = given;
  const service = `${locationOf(flags, tools)}/services/${id}`;
  const started = await tools.api.post('sealpost/v1/vault:import', { service, image });
  const job = await followed(tools, started);
  if (job['state'] !== 'done') {
    throw new CommandError(textIn(job, 'error') || 'The import goes on at the server.', {
      exitCode: 1,
    });
  }
  tools.out.result(job, [`Imported ${image} as ${textIn(job, 'digest')} for ${id}.`]);
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
    job = ((imports ?? []) as Json[]).find(({ id }) => id === first['id']) ?? job;
  }
  if (isLive) terminal.stderr.write('\r\u{1b}[K');
  return job;
}

function progressLine(job: Json): string {
  const { done, total } = objectIn(job, 'bytes');
  const layers = `${textIn(job, 'storedLayers')} of ${textIn(job, 'layers') || '?'} layers`;
  if (total === undefined) return layers;
  return `${layers}, ${byteText(Number(done))} of ${byteText(Number(total))} of the next`;
}
