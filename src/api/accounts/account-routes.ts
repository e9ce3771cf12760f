import {
  accountEmail,
  camelCase,
  placesOfQueryToken,
  queryToken,
  RpcError,
} from '../../rpc/index.ts';
import type { AccountTexts, ServiceAccount } from '../../identity/index.ts';
import type { JsonValue } from '../json.ts';
import { badRequest } from '../json/json-body.ts';
import type { RestCall, Route } from '../route.ts';
import { refuseQuery } from '../http/transcoding.ts';
import { JsonFields, refuseOthers } from '../sealpost/json-fields.ts';
import { accountJson, etagOf } from './account-json.ts';
import { accountRoute } from './account-route.ts';
import {
  accountOf,
  type AccountService,
  auditCaller,
  changedAccount,
  pathOf,
  requireUnnamed,
} from './account-service.ts';

const accountPath = '/v1/{name=projects/*/serviceAccounts/*}';
const accountType = 'google.iam.admin.v1.ServiceAccount';
const pageSizeDefault = 20;
const pageSizeMax = 100;

const accountFieldNames = [
  'name',
  'projectId',
  'uniqueId',
  'email',
  'displayName',
  'etag',
  'description',
  'oauth2ClientId',
  'disabled',
];

/** Service accounts, as google.iam.admin.v1 has them over REST. */
export function accountRoutes(service: AccountService): Route[] {
  const route = accountRoute(service);
  const list = '/v1/{name=projects/*}/serviceAccounts';
  return [
    route('CreateServiceAccount', 'POST', list, (call) => create(service, call)),
    route('ListServiceAccounts', 'GET', list, (call) => page(service, call)),
    route('GetServiceAccount', 'GET', accountPath, (call) => {
      refuseQuery(call.query, call.params);
      return accountJson(accountOf(service, call));
    }),
    route('PatchServiceAccount', 'PATCH', accountPath, (call) => patch(service, call)),
    route('DeleteServiceAccount', 'DELETE', accountPath, async (call) => {
      refuseQuery(call.query, call.params);
      await service.store.accounts.delete(changedAccount(service, call), auditCaller(call));
      return {};
    }),
    route('EnableServiceAccount', 'POST', `${accountPath}:enable`, (call) =>
      setDisabled(service, call, false),
    ),
    route('DisableServiceAccount', 'POST', `${accountPath}:disable`, (call) =>
      setDisabled(service, call, true),
    ),
  ];
}

async function create(service: AccountService, call: RestCall): Promise<JsonValue> {
  refuseQuery(call.query, call.params);
  const body = new JsonFields(call.json(), ['name', 'accountId', 'serviceAccount']);
  const given = body.message('serviceAccount', accountFieldNames, accountType);
  const { project } = pathOf(call);
  const id = body.text('accountId') ?? '';
  // Its rights may be there before it is: named by `--admin`, or left by one that was deleted.
  requireUnnamed(service, call.principal, { email: accountEmail(id, project), project });
  const account = await service.store.accounts.create(
    {
      project,
      id,
      displayName: given?.text('displayName') ?? '',
      description: given?.text('description') ?? '',
    },
    auditCaller(call),
  );
  return accountJson(account);
}

function page(service: AccountService, call: RestCall): JsonValue {
  const { query } = call;
  refuseQuery(query, { ...call.params, pageSize: '', pageToken: '' });
  const { project } = pathOf(call);
  const size = pageSizeOf(query.get('pageSize'));
  const token = query.get('pageToken') ?? '';
  const named = `serviceAccounts of ${project}`;
  const [last] = token === '' ? [] : placesOfQueryToken(named, token);
  const after = typeof last === 'string' ? last : '';
  const rest = service.store.accounts.list(project).filter(({ email }) => email > after);
  const shown = rest.slice(0, size);
  return {
    ...(shown.length > 0 && { accounts: shown.map(accountJson) }),
    ...(rest.length > size && { nextPageToken: queryToken(named, [shown.at(-1)!.email]) }),
  };
}

/** 0 and nothing: the default; more than the most: the most. */
function pageSizeOf(text: string | null): number {
  const size = text === null || text === '' ? 0 : Number(text);
  if (!Number.isSafeInteger(size) || size < 0) {
    const description = 'page_size must be a whole number of at least 0.';
    throw badRequest([{ field: 'page_size', description }]);
  }
  return size === 0 ? pageSizeDefault : Math.min(size, pageSizeMax);
}

async function patch(service: AccountService, call: RestCall): Promise<JsonValue> {
  refuseQuery(call.query, call.params);
  const body = new JsonFields(call.json(), ['serviceAccount', 'updateMask']);
  const given =
    body.message('serviceAccount', accountFieldNames, accountType) ??
    new JsonFields({}, accountFieldNames);
  const texts = changedTexts(given, body.text('updateMask'));
  const account = changedAccount(service, call);
  requireEtag(given.text('etag'), account);
  return accountJson(await service.store.accounts.update(account, texts, auditCaller(call)));
}

/** What the mask names; without one, what is given. */
function changedTexts(given: JsonFields, mask: string = ''): AccountTexts {
  const named = mask.split(',').flatMap((path) => (path === '' ? [] : [camelCase(path.trim())]));
  const unknown = named.find((path) => path !== 'displayName' && path !== 'description');
  if (unknown !== undefined) {
    const description = `update_mask may name display_name and description, not ${unknown.slice(0, 100)}.`;
    throw badRequest([{ field: 'update_mask', description }]);
  }
  const isNamed = (path: string): boolean =>
    named.length === 0 ? given.has(path) : named.includes(path);
  return {
    ...(isNamed('displayName') && { displayName: given.text('displayName') ?? '' }),
    ...(isNamed('description') && { description: given.text('description') ?? '' }),
  };
}

function requireEtag(given: string | undefined, account: ServiceAccount): void {
  if (given === undefined || given === '' || given === etagOf(account)) return;
  const text = 'There were concurrent changes of the service account. Please read it and retry.';
  throw new RpcError('ABORTED', 'ACCOUNT_CONCURRENT_CHANGE', text);
}

async function setDisabled(
  service: AccountService,
  call: RestCall,
  isDisabled: boolean,
): Promise<JsonValue> {
  refuseQuery(call.query, call.params);
  refuseOthers(call.json(), []);
  const account = changedAccount(service, call);
  await service.store.accounts.setDisabled(account, isDisabled, auditCaller(call));
  return {};
}
