import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';

import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { fieldLines } from '../output/table.ts';
import {
  actionAnnotation,
  annotationOf,
  conditionOf,
  hoursAnnotation,
  idOf,
  keyAnnotation,
  listAll,
  listIn,
  locationOf,
  objectIn,
  serviceAt,
  serviceName,
  templateAnnotation,
} from './knative.ts';
import { settled } from './settlement.ts';

const yamlBytesMax = 1_048_576;

const serviceColumns = ['SERVICE', 'REGION', 'URL', 'KEY', 'READY', 'DETAIL'].map((title) => ({
  title,
}));

const regionOf = (service: Json): string =>
  textIn(objectIn(service, 'metadata', 'labels'), 'cloud.googleapis.com/location');

function serviceRow(service: Json): string[] {
  const ready = conditionOf(service, 'Ready');
  return [
    idOf(service),
    regionOf(service),
    textIn(objectIn(service, 'status'), 'url'),
    shortKey(templateAnnotation(service, keyAnnotation)),
    textIn(ready, 'status'),
    textIn(ready, 'message'),
  ];
}

export const listServices: Action = async (_call, tools) => {
  const project = tools.names.project();
  const services = await listAll(tools, `projects/${project}/locations/-/services`);
  tools.out.list(services, serviceColumns, serviceRow, `There are no services in ${project}.`);
};

export const describeService: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const name = serviceName(id, flags, tools);
  const service = await tools.api.get(name);
  if (flags.isSet('export')) {
    if (tools.out.isJson) tools.out.json(exported(service));
    else await tools.out.write(stringify(exported(service)));
    return;
  }
  const ready = conditionOf(service, 'Ready');
  const lines = fieldLines([
    ['Service', name],
    ['URL', textIn(objectIn(service, 'status'), 'url')],
    ['Ready', `${textIn(ready, 'status')} ${textIn(ready, 'message')}`.trim()],
    ['Image', textIn(containerOf(service), 'image')],
    ['Key', templateAnnotation(service, keyAnnotation) || "the server's own"],
    ['On revocation', onRevocation(service)],
    ['Latest', textIn(objectIn(service, 'status'), 'latestReadyRevisionName')],
    ['Traffic', trafficText(service)],
    ['Changed by', annotationOf(service, 'serving.knative.dev/lastModifier')],
  ]);
  tools.out.result(service, lines);
};

const containerOf = (service: Json): Json =>
  listIn(service, 'spec', 'template', 'spec', 'containers')[0] ?? {};

function onRevocation(service: Json): string {
  if (templateAnnotation(service, keyAnnotation) === '') return 'nothing: it has no key of its own';
  if (templateAnnotation(service, actionAnnotation) !== 'shut-down') {
    return 'prevent-new: nothing starts any more';
  }
  const hours = templateAnnotation(service, hoursAnnotation) || '1';
  return `shut-down: nothing starts any more, and what runs is stopped after ${hours} h`;
}

function trafficText(service: Json): string {
  const targets = listIn(service, 'status', 'traffic').map((target) => {
    const tag = textIn(target, 'tag');
    const share = `${textIn(target, 'percent') || '0'} % ${textIn(target, 'revisionName')}`;
    return tag === '' ? share : `${share} (${tag})`;
  });
  return targets.join(', ');
}

/** What an owner decides of a service; what the server adds by itself is left out. */
function exported(service: Json): Json {
  const metadata = objectIn(service, 'metadata');
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      name: idOf(service),
      ...kept(metadata, 'labels', (name) => !name.startsWith('cloud.googleapis.com/')),
      ...kept(metadata, 'annotations', (name) => !isOfServer(name)),
    },
    spec: service['spec'],
  };
}

const isOfServer = (name: string): boolean =>
  name.startsWith('serving.knative.dev/') ||
  ['urls', 'operation-id', 'ingress-status'].some((id) => name === `run.googleapis.com/${id}`);

function kept(metadata: Json, field: string, wants: (name: string) => boolean): Json {
  const pairs = Object.entries(objectIn(metadata, field)).filter(([name]) => wants(name));
  return pairs.length === 0 ? {} : { [field]: Object.fromEntries(pairs) };
}

export const replaceService: Action = async ({ arguments: [path = ''], flags }, tools) => {
  const wanted = await readService(path);
  const id = idOf(wanted);
  if (id === '') throw usageError(`${path} names no service.`, 'It needs metadata.name.');
  const name = serviceName(id, flags, tools);
  const isNew = (await serviceAt(tools, name)) === null;
  const stored = isNew
    ? await tools.api.post(`${locationOf(flags, tools)}/services`, wanted)
    : await tools.api.put(name, wanted);
  const service = flags.isSet('no-wait') ? stored : await settled(tools, name);
  tools.out.result(service, [`${isNew ? 'Created' : 'Replaced'} ${name}.`]);
};

async function readService(path: string): Promise<Json> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : (error.code ?? 'unknown');
    throw usageError(`${path} cannot be read: ${why}.`);
  });
  if (text.length > yamlBytesMax) throw usageError(`${path} is larger than 1 MiB.`);
  const value: unknown = yamlOf(text, path);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw usageError(`${path} holds no service.`);
}

function yamlOf(text: string, path: string): unknown {
  try {
    return parse(text, hoursAsText, { maxAliasCount: 0 });
  } catch (error) {
    const [problem = ''] = (error as Error).message.split('\n');
    throw usageError(`${path} is no YAML: ${problem.replace(/:$/, '.')}`);
  }
}

/** The page on Cloud Run with CMEK writes hours without quotes; annotations are text. */
function hoursAsText(name: unknown, value: unknown): unknown {
  return name === hoursAnnotation && Number.isSafeInteger(value) ? String(value) : value;
}

export const deleteService: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const name = serviceName(id, flags, tools);
  await tools.api.delete(name);
  tools.out.result({ name }, [`Deleted ${name}; its images can be opened by nobody any more.`]);
};
