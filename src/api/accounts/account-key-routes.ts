import {
  type AccountKey,
  base64Bytes,
  requireKey,
  type ServiceAccount,
} from '../../identity/index.ts';
import type { JsonValue } from '../json.ts';
import { badRequest } from '../json/json-body.ts';
import type { RestCall, Route } from '../route.ts';
import { refuseQuery } from '../http/transcoding.ts';
import { JsonFields, refuseOthers } from '../sealpost/json-fields.ts';
import { keyJson } from './account-json.ts';
import { accountRoute } from './account-route.ts';
import {
  accountOf,
  type AccountService,
  auditCaller,
  changedAccount,
  pathOf,
} from './account-service.ts';

const api = 'google.iam.admin.v1';
const keysPath = '/v1/{name=projects/*/serviceAccounts/*}/keys';
const keyPath = '/v1/{name=projects/*/serviceAccounts/*/keys/*}';
const privateKeyTypes = [
  'TYPE_UNSPECIFIED',
  'TYPE_GOOGLE_CREDENTIALS_FILE',
  'TYPE_PKCS12_FILE',
] as const;
const algorithms = ['KEY_ALG_UNSPECIFIED', 'KEY_ALG_RSA_2048', 'KEY_ALG_RSA_1024'] as const;
const lineCharacters = 64;

/** Keys of service accounts, as google.iam.admin.v1 has them over REST. */
export function accountKeyRoutes(service: AccountService): Route[] {
  const route = accountRoute(service);
  return [
    {
      ...route('CreateServiceAccountKey', 'POST', keysPath, (call) => create(service, call)),
      cacheControl: 'no-store',
    },
    route('UploadServiceAccountKey', 'POST', `${keysPath}:upload`, (call) => upload(service, call)),
    route('ListServiceAccountKeys', 'GET', keysPath, (call) => list(service, call)),
    route('GetServiceAccountKey', 'GET', keyPath, (call) => get(service, call)),
    route('DeleteServiceAccountKey', 'DELETE', keyPath, async (call) => {
      refuseQuery(call.query, call.params);
      const account = changedAccount(service, call);
      await service.store.keys.delete(account, pathOf(call).id, auditCaller(call));
      return {};
    }),
    route('DisableServiceAccountKey', 'POST', `${keyPath}:disable`, (call) =>
      setDisabled(service, call, true),
    ),
    route('EnableServiceAccountKey', 'POST', `${keyPath}:enable`, (call) =>
      setDisabled(service, call, false),
    ),
  ];
}

async function create(service: AccountService, call: RestCall): Promise<Uint8Array> {
  refuseQuery(call.query, call.params);
  refuseKinds(new JsonFields(call.json(), ['privateKeyType', 'keyAlgorithm']));
  const account = changedAccount(service, call);
  const tokenUri = service.tokenUri(call.host);
  const made = await service.store.keys.create(account, tokenUri, auditCaller(call));
  try {
    return keyReply(account, made.key, made.credentials);
  } finally {
    made.credentials.fill(0);
  }
}

function refuseKinds(body: JsonFields): void {
  const type = `${api}.ServiceAccountPrivateKeyType`;
  if (body.enumName('privateKeyType', type, privateKeyTypes) === 'TYPE_PKCS12_FILE') {
    const text = 'private_key_type TYPE_PKCS12_FILE is not supported: use a credentials file.';
    throw body.refuse('privateKeyType', text);
  }
  const algorithmType = `${api}.ServiceAccountKeyAlgorithm`;
  if (body.enumName('keyAlgorithm', algorithmType, algorithms) === 'KEY_ALG_RSA_1024') {
    throw body.refuse('keyAlgorithm', 'key_algorithm KEY_ALG_RSA_1024 is too weak.');
  }
}

/** The answer as bytes: the private key is in no string of ours. */
function keyReply(account: ServiceAccount, key: AccountKey, credentials: Uint8Array): Uint8Array {
  const json = {
    ...keyJson(account, key),
    privateKeyType: 'TYPE_GOOGLE_CREDENTIALS_FILE',
    privateKeyData: '',
  };
  const text = JSON.stringify(json, null, 2);
  const at = text.length - '"\n}'.length;
  const data = base64Bytes(credentials);
  const reply = new Uint8Array(text.length + data.length + 1);
  const ascii = new TextEncoder();
  reply.set(ascii.encode(text.slice(0, at)), 0);
  reply.set(data, at);
  reply.set(ascii.encode(`${text.slice(at)}\n`), at + data.length);
  data.fill(0);
  return reply;
}

async function upload(service: AccountService, call: RestCall): Promise<JsonValue> {
  refuseQuery(call.query, call.params);
  const body = new JsonFields(call.json(), ['publicKeyData']);
  const pem = body.bytes('publicKeyData') ?? new Uint8Array(0);
  const account = changedAccount(service, call);
  const key = await service.store.keys.upload(account, pem, auditCaller(call));
  return keyJson(account, key);
}

function list(service: AccountService, call: RestCall): JsonValue {
  refuseQuery(call.query, { ...call.params, keyTypes: '' });
  const kinds = call.query.getAll('keyTypes');
  const account = accountOf(service, call);
  // All are the users': we sign nothing in an account's name with a key of ours.
  const isShown = kinds.length === 0 || kinds.includes('USER_MANAGED');
  const keys = isShown ? account.keys.map((key) => keyJson(account, key)) : [];
  return keys.length > 0 ? { keys } : {};
}

function get(service: AccountService, call: RestCall): JsonValue {
  refuseQuery(call.query, { ...call.params, publicKeyType: '' });
  const account = accountOf(service, call);
  const key = requireKey(account, pathOf(call).id);
  const type = call.query.get('publicKeyType') ?? 'TYPE_NONE';
  if (type === 'TYPE_NONE') return keyJson(account, key);
  if (type !== 'TYPE_RAW_PUBLIC_KEY') {
    const description = `public_key_type must be TYPE_NONE or TYPE_RAW_PUBLIC_KEY: keys have no certificates here.`;
    throw badRequest([{ field: 'public_key_type', description }]);
  }
  const publicKeyData = Buffer.from(pemOf(key)).toString('base64');
  return { ...keyJson(account, key), publicKeyData };
}

function pemOf({ publicKey }: AccountKey): string {
  const lines = publicKey.match(new RegExp(`.{1,${lineCharacters}}`, 'g')) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}

async function setDisabled(
  service: AccountService,
  call: RestCall,
  isDisabled: boolean,
): Promise<JsonValue> {
  refuseQuery(call.query, call.params);
  refuseOthers(call.json(), ['serviceAccountKeyDisableReason', 'extendedStatusMessage']);
  const account = changedAccount(service, call);
  const { id } = pathOf(call);
  await service.store.keys.setDisabled(account, id, isDisabled, auditCaller(call));
  return {};
}
