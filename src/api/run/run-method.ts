import { stringify } from 'yaml';

import type { Authorizer } from '../../iam/index.ts';
import type { JsonObject } from '../json/json-body.ts';
import { TextReply, type HttpMethod, type RestCall, type Route } from '../route.ts';
import { isYaml } from './request-object.ts';
import { recorded, type RunAudit } from './run-audit.ts';
import { RunRequest } from './run-request.ts';

/** What a method answers: as JSON, and as YAML if that is another view of it. */
export interface RunAnswer {
  readonly json: JsonObject;
  /** The answer as its owner would write it. */
  readonly exported?: JsonObject;
}

/** One method of the Run API, under all its paths. */
export interface RunMethod {
  /** `google.cloud.run.v1.Services.CreateService`; also how audit entries name it. */
  readonly rpc: string;
  readonly method: HttpMethod;
  readonly templates: readonly string[];
  /** A write's call is always recorded, a read's if reads are. */
  readonly isWrite?: true;
  handle(request: RunRequest): Promise<RunAnswer>;
}

export interface RunSurroundings {
  readonly defaultLocation: string;
  /** Absent: nothing is recorded. */
  readonly audit?: RunAudit;
  /** What a principal has of permissions that he tests. */
  readonly authorizer: Pick<Authorizer, 'isGranted'>;
}

/** The routes of a method, recorded, and answering YAML to who asks for it. */
export function routesOf(method: RunMethod, surroundings: RunSurroundings): Route[] {
  const { audit, defaultLocation } = surroundings;
  const handle = async (call: RestCall): Promise<JsonObject | TextReply> => {
    const request = new RunRequest(call, defaultLocation);
    const answer = await recorded(method, request, audit);
    if (!isYaml(call.accept)) return answer.json;
    const text = stringify(answer.exported ?? answer.json, { aliasDuplicateObjects: false });
    return new TextReply('application/yaml; charset=UTF-8', text);
  };
  return method.templates.map((template) => ({
    rpc: method.rpc,
    method: method.method,
    template,
    handle,
    fields: (call) => new RunRequest(call, defaultLocation).fields(),
  }));
}

/** Knative's path and Google's: `services/{service}` under a project, in a location or not. */
export function placesOf(path: string): string[] {
  return [
    `/apis/serving.knative.dev/v1/namespaces/{project}/${path}`,
    `/v1/projects/{project}/locations/{location}/${path}`,
  ];
}
