import type { RunPage, RunService, Service } from '../../vault/index.ts';
import type { JsonObject } from '../json/json-body.ts';
import { apiVersion, readService } from './knative/service-reading.ts';
import {
  configurationJson,
  exportedJson,
  routeJson,
  serviceJson,
} from './knative/service-printing.ts';
import { placesOf, type RunAnswer, type RunMethod } from './run-method.ts';
import type { RunRequest } from './run-request.ts';

const service = 'google.cloud.run.v1.Services';

/** Services, and the configurations and routes that each stands for. */
export function serviceMethods(run: RunService): RunMethod[] {
  return [
    {
      rpc: `${service}.ListServices`,
      method: 'GET',
      templates: placesOf('services'),
      handle: async (request) => listed(await run.list(request.list()), 'Service', serviceJson),
    },
    {
      rpc: `${service}.CreateService`,
      method: 'POST',
      templates: placesOf('services'),
      isWrite: true,
      handle: (request) => create(run, request),
    },
    {
      rpc: `${service}.GetService`,
      method: 'GET',
      templates: placesOf('services/{service}'),
      handle: async (request) => answerOf(await run.get(request.serviceName())),
    },
    {
      rpc: `${service}.ReplaceService`,
      method: 'PUT',
      templates: placesOf('services/{service}'),
      isWrite: true,
      handle: (request) => replace(run, request),
    },
    {
      rpc: `${service}.DeleteService`,
      method: 'DELETE',
      templates: placesOf('services/{service}'),
      isWrite: true,
      handle: (request) => remove(run, request),
    },
    ...derivedMethods(run, 'Configuration', configurationJson),
    ...derivedMethods(run, 'Route', routeJson),
  ];
}

async function create(run: RunService, request: RunRequest): Promise<RunAnswer> {
  const isDryRun = request.isDryRun();
  const { serviceId, spec } = readService(request.object(), request);
  const name = request.serviceName(serviceId);
  return answerOf(await run.create(name, spec, { isDryRun }, request.caller));
}

async function replace(run: RunService, request: RunRequest): Promise<RunAnswer> {
  const isDryRun = request.isDryRun();
  const { spec, resourceVersion } = readService(request.object(), request);
  const change = { isDryRun, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return answerOf(await run.replace(request.serviceName(), spec, change, request.caller));
}

async function remove(run: RunService, request: RunRequest): Promise<RunAnswer> {
  await run.delete(request.serviceName(), { isDryRun: request.isDryRun() }, request.caller);
  return deleted;
}

const answerOf = (found: Service): RunAnswer => ({
  json: serviceJson(found),
  exported: exportedJson(found),
});

/** What a deletion answers: Kubernetes' Status. */
export const deleted: RunAnswer = { json: { kind: 'Status', apiVersion: 'v1', status: 'Success' } };

/** A page as Knative lists it. */
export function listed<Item>(
  { items, continueToken }: RunPage<Item>,
  kind: string,
  print: (item: Item) => JsonObject,
): RunAnswer {
  const metadata = continueToken === '' ? {} : { continue: continueToken };
  return { json: { apiVersion, kind: `${kind}List`, metadata, items: items.map(print) } };
}

function derivedMethods(
  run: RunService,
  kind: 'Configuration' | 'Route',
  print: (found: Service) => JsonObject,
): RunMethod[] {
  const [collection, rpc] = [`${kind.toLowerCase()}s`, `google.cloud.run.v1.${kind}s`];
  return [
    {
      rpc: `${rpc}.List${kind}s`,
      method: 'GET',
      templates: placesOf(collection),
      handle: async (request) => listed(await run.list(request.list()), kind, print),
    },
    {
      rpc: `${rpc}.Get${kind}`,
      method: 'GET',
      templates: placesOf(`${collection}/{service}`),
      handle: async (request) => ({ json: print(await run.get(request.serviceName())) }),
    },
  ];
}
