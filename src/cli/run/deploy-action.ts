import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Flags } from '../command/flags.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { draw } from '../../runtime/index.ts';
import {
  actionAnnotation,
  hoursAnnotation,
  keyAnnotation,
  listIn,
  locationOf,
  objectIn,
  serviceAt,
  serviceName,
} from './knative.ts';
import { settled } from './settlement.ts';

/** As gcloud does: the same order given again resolves its tag again, and tries its key again. */
const nonceLabel = 'client.knative.dev/nonce';

export const deploy: Action = async (call, tools) => {
  const { arguments: given, flags } = call;
  const [id = ''] = given;
  const name = serviceName(id, flags, tools);
  const existing = await serviceAt(tools, name);
  if (existing === null && flags.text('image') === undefined) {
    throw usageError(`There is no service ${id} yet.`, 'Add --image HOST/PATH:TAG.');
  }
  const wanted = changed(existing ?? newService(id, tools), call, tools);
  const stored =
    existing === null
      ? await tools.api.post(`${locationOf(flags, tools)}/services`, wanted)
      : await tools.api.put(name, wanted);
  if (flags.isSet('no-wait')) {
    tools.out.result(stored, [`${existing === null ? 'Created' : 'Changed'} ${name}.`]);
    return;
  }
  const service = await settled(tools, name);
  const status = objectIn(service, 'status');
  tools.out.result(service, [
    `Revision ${textIn(status, 'latestReadyRevisionName')} of ${id} is ready.`,
    `URL: ${textIn(status, 'url')}`,
  ]);
};

function newService(id: string, { names }: Tools): Json {
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name: id, namespace: names.project() },
    spec: { template: { spec: { containers: [{}] } } },
  };
}

/** The service with what the options say; a revision's name is the server's to choose again. */
function changed(service: Json, { flags }: Call, tools: Tools): Json {
  const template = objectIn(service, 'spec', 'template');
  const { name: _chosen, ...metadata } = objectIn(template, 'metadata');
  const spec = objectIn(template, 'spec');
  const concurrency = flags.number('concurrency');
  return {
    ...service,
    spec: {
      ...objectIn(service, 'spec'),
      template: {
        ...template,
        metadata: {
          ...metadata,
          labels: { ...objectIn(metadata, 'labels'), [nonceLabel]: nonceOf(tools) },
          annotations: changedAnnotations(objectIn(metadata, 'annotations'), flags, tools),
        },
        spec: {
          ...spec,
          ...(concurrency === undefined ? {} : { containerConcurrency: concurrency }),
          containers: [changedContainer(listIn(spec, 'containers')[0] ?? {}, flags)],
        },
      },
    },
  };
}

function nonceOf({ entropy }: Tools): string {
  return Buffer.from(draw(entropy, 5)).toString('hex');
}

function changedAnnotations(annotations: Json, flags: Flags, { names }: Tools): Json {
  const key = flags.text('key');
  const given: Record<string, string | number | undefined> = {
    [keyAnnotation]: key === undefined ? undefined : names.key(key),
    [actionAnnotation]: flags.text('post-key-revocation-action-type'),
    [hoursAnnotation]: flags.number('encryption-key-shutdown-hours'),
    'autoscaling.knative.dev/minScale': flags.number('min-instances'),
    'autoscaling.knative.dev/maxScale': flags.number('max-instances'),
  };
  const result: Record<string, unknown> = { ...annotations };
  if (flags.isSet('clear-key')) {
    for (const name of [keyAnnotation, actionAnnotation, hoursAnnotation]) delete result[name];
  }
  // Hours belong to shut-down alone: another action takes them along.
  if (given[actionAnnotation] === 'prevent-new') delete result[hoursAnnotation];
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) result[name] = String(value);
  }
  return result;
}

function changedContainer(container: Json, flags: Flags): Json {
  const image = flags.text('image');
  const port = flags.number('port');
  const env = flags.pairs('env');
  const limits = {
    ...objectIn(container, 'resources', 'limits'),
    ...given('memory', flags.text('memory')),
    ...given('cpu', flags.text('cpu')),
  };
  return {
    ...container,
    ...given('image', image),
    ...(port === undefined ? {} : { ports: [{ containerPort: port }] }),
    ...(env === undefined
      ? {}
      : { env: Object.entries(env).map(([name, value]) => ({ name, value })) }),
    ...(Object.keys(limits).length === 0 ? {} : { resources: { limits } }),
  };
}

function given(name: string, value: string | undefined): Json {
  return value === undefined ? {} : { [name]: value };
}
