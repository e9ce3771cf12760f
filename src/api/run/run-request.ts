import type { FieldOf } from '../../iam/index.ts';
import type { RevisionName, RunCaller, RunList, ServiceName } from '../../vault/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import { badRequest, type JsonObject } from '../json/json-body.ts';
import type { JsonValue } from '../json.ts';
import { refuseQuery } from '../http/transcoding.ts';
import type { RestCall } from '../route.ts';
import { unsupportedField } from '../unsupported.ts';
import { readSelector } from './label-selector.ts';
import { parseObject } from './request-object.ts';

/** What every Run request may carry besides its path. */
const writeParameters = { dryRun: '', apiVersion: '', kind: '', propagationPolicy: '' };
const listParameters = {
  continue: '',
  fieldSelector: '',
  includeUninitialized: '',
  labelSelector: '',
  limit: '',
  resourceVersion: '',
  watch: '',
};

const limitMax = 100;

/** Region in the Host, as gcloud puts it there: `us-central1-run.localhost:8085`. */
const regionalHost = /^([a-z]+(?:-[a-z]+)+[0-9]+)-run\./i;

/** One request of the Run API: where it goes, and what it brings. */
export class RunRequest {
  readonly call: RestCall;
  readonly project: string;
  /** Of the path, else of the Host, else the server's; `-` for all. */
  readonly location: string;
  readonly caller: RunCaller;
  /** The body once it was read. */
  body: JsonObject | undefined;
  /** The service of the revision that the path names, once it was found. */
  ownerId = '';

  constructor(call: RestCall, defaultLocation: string) {
    const { params, host = '' } = call;
    this.call = call;
    this.caller = { principal: call.principal.email };
    this.project = params['project']!;
    this.location =
      params['location'] ?? regionalHost.exec(host)?.[1]?.toLowerCase() ?? defaultLocation;
  }

  /** The id in the path; empty if it names none. */
  get serviceId(): string {
    return this.call.params['service'] ?? '';
  }

  get revisionId(): string {
    return this.call.params['revision'] ?? '';
  }

  serviceName(serviceId: string = this.serviceId): ServiceName {
    const { project, location } = this;
    return { project, location, serviceId };
  }

  /** What access rules ask about: where it goes, and the account that a service is to run as. */
  fields(): FieldOf {
    const { project, location, call } = this;
    return (path) => {
      if (path === 'project') return project;
      if (path === 'location') return location;
      if (path !== 'service_account') return call.params[path] ?? '';
      return call.body.length === 0 ? '' : serviceAccountIn(this.object());
    };
  }

  /** All that the revision's name may stand for: a service's id may hold hyphens, too. */
  revisionNames(): RevisionName[] {
    const { revisionId } = this;
    const parts = revisionId.split('-');
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('-')).toReversed();
    const serviceIds = prefixes.length === 1 ? prefixes : prefixes.slice(1);
    return serviceIds.map((serviceId) => ({ ...this.serviceName(serviceId), revisionId }));
  }

  /** @throws RpcError INVALID_ARGUMENT for a body that is no object */
  object(): JsonObject {
    return (this.body ??= parseObject(this.call));
  }

  /** Whether nothing is to be written. Throws RpcError for a query that no write takes. */
  isDryRun(): boolean {
    const { query, params } = this.call;
    refuseQuery(query, { ...params, ...writeParameters });
    const value = query.get('dryRun') ?? '';
    if (value === '' || value === 'all') return value === 'all';
    throw invalidParameter('dryRun', value, 'all');
  }

  /** What a list is asked for. Throws RpcError for a query that no list takes. */
  list(): RunList {
    const { query, params } = this.call;
    refuseQuery(query, { ...params, ...listParameters });
    if (/^(?:true|1)$/i.test(query.get('watch') ?? '')) throw unsupportedField('List', 'watch');
    if (query.get('fieldSelector')) throw unsupportedField('List', 'fieldSelector');
    const limit = query.get('limit') ?? '';
    if (!/^\d{0,9}$/.test(limit)) throw invalidParameter('limit', limit, 'a positive number');
    return {
      project: this.project,
      location: this.location,
      labels: readSelector(query.get('labelSelector') ?? ''),
      limit: Math.min(Number(limit), limitMax),
      continueToken: query.get('continue') ?? '',
    };
  }
}

/** `spec.template.spec.serviceAccountName`; empty: the project's own. */
function serviceAccountIn(object: JsonObject): string {
  let at: JsonValue | undefined = object;
  for (const name of ['spec', 'template', 'spec', 'serviceAccountName']) {
    const isObject: boolean = typeof at === 'object' && at !== null && !Array.isArray(at);
    at = isObject && Object.hasOwn(at as JsonObject, name) ? (at as JsonObject)[name] : undefined;
  }
  return typeof at === 'string' ? at : '';
}

function invalidParameter(name: string, value: string, wanted: string): RpcError {
  const shown = JSON.stringify(value.slice(0, 100).toWellFormed());
  return badRequest([{ field: name, description: `${name}: ${shown} must be ${wanted}.` }]);
}
