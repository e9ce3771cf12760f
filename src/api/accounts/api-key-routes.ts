import { requireApiKey } from '../../identity/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall, Route } from '../route.ts';
import { refuseQuery } from '../http/transcoding.ts';
import { JsonFields } from '../sealpost/json-fields.ts';
import { apiKeyJson } from './account-json.ts';
import {
  accountFields,
  accountOf,
  type AccountService,
  auditCaller,
  changedAccount,
  pathOf,
} from './account-service.ts';

const rpc = 'google.iam.admin.v1.IAM';
const listPath = '/v1/{name=projects/*/serviceAccounts/*}/apiKeys';
const keyPath = '/v1/{name=projects/*/serviceAccounts/*/apiKeys/*}';

/** API keys: of our own kind, each of one service account, and with all its rights. */
export function apiKeyRoutes(service: AccountService): Route[] {
  const fields = accountFields(service);
  return [
    {
      rpc: `${rpc}.CreateServiceAccountApiKey`,
      method: 'POST',
      template: listPath,
      cacheControl: 'no-store',
      handle: (call) => create(service, call),
      fields,
    },
    {
      rpc: `${rpc}.ListServiceAccountApiKeys`,
      method: 'GET',
      template: listPath,
      handle: (call) => {
        refuseQuery(call.query, call.params);
        const account = accountOf(service, call);
        const apiKeys = account.apiKeys.map((key) => apiKeyJson(account, key));
        return apiKeys.length > 0 ? { apiKeys } : {};
      },
      fields,
    },
    {
      rpc: `${rpc}.GetServiceAccountApiKey`,
      method: 'GET',
      template: keyPath,
      handle: (call) => {
        refuseQuery(call.query, call.params);
        const account = accountOf(service, call);
        return apiKeyJson(account, requireApiKey(account, pathOf(call).id));
      },
      fields,
    },
    {
      rpc: `${rpc}.DeleteServiceAccountApiKey`,
      method: 'DELETE',
      template: keyPath,
      handle: async (call) => {
        refuseQuery(call.query, call.params);
        const account = changedAccount(service, call);
        await service.store.keys.deleteApiKey(account, pathOf(call).id, auditCaller(call));
        return {};
      },
      fields,
    },
  ];
}

/** The one answer that holds the key's text. */
async function create(service: AccountService, call: RestCall): Promise<JsonValue> {
  refuseQuery(call.query, call.params);
  const displayName = new JsonFields(call.json(), ['displayName']).text('displayName') ?? '';
  const account = changedAccount(service, call);
  const made = await service.store.keys.createApiKey(account, displayName, auditCaller(call));
  return { ...apiKeyJson(account, made.apiKey), keyString: made.text };
}
