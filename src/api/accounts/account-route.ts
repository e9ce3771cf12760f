import type { RestCall, RestReply, Route } from '../route.ts';
import { accountFields, type AccountService } from './account-service.ts';

const rpc = 'google.iam.admin.v1.IAM';

/** Makes routes of google.iam.admin.v1.IAM that are about an account, of which a rule asks. */
export function accountRoute(
  service: AccountService,
): (
  name: string,
  method: Route['method'],
  template: string,
  handle: (call: RestCall) => Promise<RestReply> | RestReply,
) => Route {
  const fields = accountFields(service);
  return (name, method, template, handle) => ({
    rpc: `${rpc}.${name}`,
    method,
    template,
    handle,
    fields,
  });
}
