import type { Container, EnvVariable } from '../../../vault/index.ts';
import type { JsonFields } from '../../sealpost/json-fields.ts';
import { unsupportedField } from '../../unsupported.ts';
import { refuseFilled } from './knative-fields.ts';
import { defaultStartupProbe, readProbe } from './probe-reading.ts';

/** What a container may ask for elsewhere and not here. */
const unsupported: readonly string[] = [
  'envFrom',
  'imagePullPolicy',
  'readinessProbe',
  'securityContext',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'volumeMounts',
];

export const containerFields: readonly string[] = [
  ...unsupported,
  'args',
  'command',
  'env',
  'image',
  'livenessProbe',
  'name',
  'ports',
  'resources',
  'startupProbe',
  'workingDir',
];

/** Cloud Run's, of a container that names none: its probe asks there. */
const portDefault = 8080;

/** The container; `isProbeOurs` renews a startup probe that was ours. */
export function readContainer(fields: JsonFields, isProbeOurs: boolean): Container {
  refuseFilled(fields, 'Service', unsupported);
  const port = readPort(fields);
  const given = isProbeOurs ? undefined : readProbe(fields, 'startupProbe', port);
  const livenessProbe = readProbe(fields, 'livenessProbe', port);
  const image = fields.text('image') ?? '';
  const workingDir = fields.text('workingDir') ?? '';
  return {
    name: fields.text('name') || nameOf(image),
    image,
    command: fields.texts('command'),
    args: fields.texts('args'),
    ...(workingDir === '' ? {} : { workingDir }),
    env: fields.messages('env', ['name', 'value', 'valueFrom'], 'EnvVar').map(readVariable),
    port,
    limits: readLimits(fields),
    startupProbe: given ?? defaultStartupProbe(port),
    ...(livenessProbe === undefined ? {} : { livenessProbe }),
  };
}

/** `hello-1` of `us-docker.pkg.dev/p/r/hello:latest`, as Cloud Run names a container without name. */
function nameOf(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1).split(/[:@]/, 1)[0] ?? '';
  const label = last
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60);
  return `${label.replace(/^-/, '').replace(/-$/, '') || 'container'}-1`;
}

function readVariable(variable: JsonFields): EnvVariable {
  refuseFilled(variable, 'Service', ['valueFrom']);
  return { name: variable.text('name') ?? '', value: variable.secret('value') ?? '' };
}

function readPort(container: JsonFields): number {
  const ports = container.messages('ports', ['containerPort', 'name', 'protocol'], 'ContainerPort');
  const [port, second] = ports;
  if (second !== undefined) {
    const text = `${container.path('ports')} must have at most one port.`;
    throw container.refuse('ports', text);
  }
  const protocol = port?.text('protocol') ?? 'TCP';
  const name = port?.text('name') ?? '';
  if (protocol !== 'TCP') throw unsupportedField('Service', port!.path('protocol'));
  if (name === 'h2c') throw unsupportedField('Service', `${port!.path('name')}: h2c`);
  if (name !== '' && name !== 'http1') {
    throw port!.refuse('name', `${port!.path('name')} must be empty, http1 or h2c.`);
  }
  return port?.integer('containerPort', 'TYPE_INT32') ?? portDefault;
}

function readLimits(container: JsonFields): Readonly<Record<string, string>> {
  const resources = container.message('resources', ['limits', 'requests'], 'ResourceRequirements');
  if (resources === undefined) return {};
  refuseFilled(resources, 'Service', ['requests']);
  const limits = resources.textMap('limits') ?? {};
  const other = Object.keys(limits).find((name) => name !== 'cpu' && name !== 'memory');
  if (other === undefined) return limits;
  const shown = other.slice(0, 200).toWellFormed();
  throw unsupportedField('Service', `${resources.path('limits')}.${shown}`);
}
