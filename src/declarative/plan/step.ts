import type { Change } from '../normal-form.ts';
import type { ResourceApi, ResourceRequest } from '../resource-api.ts';

export type Action = 'create' | 'update' | 'delete';

/** `topic`, as people say it. */
export type Noun =
  | 'key ring'
  | 'key'
  | 'account'
  | 'key file'
  | 'policy'
  | 'schema'
  | 'topic'
  | 'subscription';

/** One change of the server, or of a key file. */
export interface Step {
  readonly action: Action;
  readonly noun: Noun;
  /** Full name of the resource, or the path of the file. */
  readonly name: string;
  readonly changes: readonly Change[];
  perform(api: ResourceApi): Promise<void>;
}

/** A step that is nothing but requests, one after the other. */
export function requestStep(
  step: Omit<Step, 'perform'>,
  requests: readonly ResourceRequest[],
): Step {
  return {
    ...step,
    perform: async (api) => {
      for (const request of requests) await api(request);
    },
  };
}
