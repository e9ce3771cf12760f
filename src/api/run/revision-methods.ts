import { RpcError } from '../../rpc/index.ts';
import type { RevisionName, RunService } from '../../vault/index.ts';
import { revisionJson } from './knative/revision-printing.ts';
import { placesOf, type RunMethod } from './run-method.ts';
import type { RunRequest } from './run-request.ts';
import { deleted, listed } from './service-methods.ts';

const service = 'google.cloud.run.v1.Revisions';

/** What was deployed. */
export function revisionMethods(run: RunService): RunMethod[] {
  return [
    {
      rpc: `${service}.ListRevisions`,
      method: 'GET',
      templates: placesOf('revisions'),
      handle: async (request) =>
        listed(await run.listRevisions(request.list()), 'Revision', revisionJson),
    },
    {
      rpc: `${service}.GetRevision`,
      method: 'GET',
      templates: placesOf('revisions/{revision}'),
      handle: async (request) => ({
        json: revisionJson(await firstOf(request, (name) => run.getRevision(name))),
      }),
    },
    {
      rpc: `${service}.DeleteRevision`,
      method: 'DELETE',
      templates: placesOf('revisions/{revision}'),
      isWrite: true,
      handle: async (request) => {
        const isDryRun = request.isDryRun();
        const { name } = await firstOf(request, (each) => run.getRevision(each));
        if (!isDryRun) await run.deleteRevision(name, request.caller);
        return deleted;
      },
    },
  ];
}

/** Of the revision under the first of its possible names; the first refusal if it is nowhere. */
async function firstOf<Found>(
  request: RunRequest,
  find: (name: RevisionName) => Promise<Found>,
): Promise<Found> {
  let refusal: unknown;
  for (const name of request.revisionNames()) {
    try {
      const found = await find(name);
      request.ownerId = name.serviceId;
      return found;
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'NOT_FOUND') throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}
