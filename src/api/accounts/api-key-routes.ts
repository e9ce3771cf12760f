import { requireApiKey } from '../../identity/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall, Route } from '../route.ts';
import { refuseQuery } from '../http/transcoding.ts';
import { JsonFields } from '../sealpost/json-fields.ts';
import { apiKeyJson } from './account-json.ts';
import { accountRoute } from './account-route.ts';
import {
  accountOf,
  type AccountService,
  auditCaller,
  changedAccount,
  pathOf,
} from './account-service.ts';

const listPath = '/v1/{name=projects/*/serviceAccounts/*}/apiKeys';
const keyPath = '/v1/{name=projects/*/serviceAccounts/*/apiKeys/*}';

/** API keys: of our own kind, each of one service account, and with all its rights. */
export function apiKeyRoutes(service: AccountService): Route[] {
  const route = accountRoute(service);
  return [
    {
      ...route('CreateServiceAccountApiKey', 'POST', listPath, (call) => create(service, call)),
      cacheControl: 'no-store',
    },
    route('ListServiceAccountApiKeys', 'GET', listPath, (call) => {
      refuseQuery(call.query, call.params);
      const account = accountOf(service, call);
      const apiKeys = account.apiKeys.map((key) => apiKeyJson(account, key));
      return apiKeys.length > 0 ? { apiKeys } : {};
    }),
    route('GetServiceAccountApiKey', 'GET', keyPath, (call) => {
      refuseQuery(call.query, call.params);
      const account = accountOf(service, call);
      return apiKeyJson(account, requireApiKey(account, pathOf(call).id));
    }),
    route('DeleteServiceAccountApiKey', 'DELETE', keyPath, async (call) => {
      refuseQuery(call.query, call.params);
      const account = changedAccount(service, call);
      await service.store.keys.deleteApiKey(account, pathOf(call).id, auditCaller(call));
      return {};
    }),
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
