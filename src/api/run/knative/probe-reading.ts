import type { Probe } from '../../../vault/index.ts';
import type { JsonFields } from '../../sealpost/json-fields.ts';
import { refuseFilled } from './knative-fields.ts';

const probeFields: readonly string[] = [
  'exec',
  'failureThreshold',
  'grpc',
  'httpGet',
  'initialDelaySeconds',
  'periodSeconds',
  'successThreshold',
  'tcpSocket',
  'timeoutSeconds',
];

/** Cloud Run's startup probe of a container that has none: 240 s for the port to be open. */
export function defaultStartupProbe(port: number): Probe {
  return {
    tcpPort: port,
    initialDelaySeconds: 0,
    timeoutSeconds: 240,
    periodSeconds: 240,
    failureThreshold: 1,
  };
}

/** The probe of a container whose requests go to `port`; undefined if it has none. */
export function readProbe(container: JsonFields, name: string, port: number): Probe | undefined {
  const fields = container.message(name, probeFields, 'Probe');
  if (fields === undefined) return undefined;
  refuseFilled(fields, 'Service', ['exec', 'grpc']);
  const count = (field: string, otherwise: number): number =>
    fields.integer(field, 'TYPE_INT32') ?? otherwise;
  if (count('successThreshold', 1) !== 1) {
    throw fields.refuse('successThreshold', `${fields.path('successThreshold')} must be 1.`);
  }
  return {
    ...readAction(fields, port),
    initialDelaySeconds: count('initialDelaySeconds', 0),
    timeoutSeconds: count('timeoutSeconds', 1),
    periodSeconds: count('periodSeconds', 10),
    failureThreshold: count('failureThreshold', 3),
  };
}

function readAction(probe: JsonFields, port: number): Pick<Probe, 'tcpPort' | 'http'> {
  const tcp = probe.message('tcpSocket', ['host', 'port'], 'TCPSocketAction');
  const http = probe.message(
    'httpGet',
    ['host', 'httpHeaders', 'path', 'port', 'scheme'],
    'HTTPGetAction',
  );
  if ((tcp === undefined) === (http === undefined)) {
    const text = `${probe.path('')} must have exactly one of tcpSocket and httpGet.`;
    throw probe.refuse('', text);
  }
  if (http === undefined) {
    refuseFilled(tcp!, 'Service', ['host']);
    return { tcpPort: tcp!.integer('port', 'TYPE_INT32') ?? port };
  }
  return { http: readHttpGet(http) };
}

function readHttpGet(http: JsonFields): NonNullable<Probe['http']> {
  refuseFilled(http, 'Service', http.text('scheme') === 'HTTP' ? ['host'] : ['host', 'scheme']);
  const port = http.integer('port', 'TYPE_INT32');
  const headers = http.messages('httpHeaders', ['name', 'value'], 'HTTPHeader');
  return {
    path: http.text('path') ?? '/',
    ...(port === undefined ? {} : { port }),
    headers: headers.map((header) => ({
      name: header.text('name') ?? '',
      value: header.secret('value') ?? '',
    })),
  };
}
