import type { JsonObject, ResourceApi } from '../../declarative/index.ts';
import type { RestApi } from '../connection/rest-api.ts';

/** A server's resources over its REST API. */
export function resourceApi(api: RestApi): ResourceApi {
  return async ({ method, path, query, body }) => {
    const options = { ...(query && { query }), ...(body && { body }) };
    return (await api.call(method, path, options)) as JsonObject;
  };
}
