import type { ExchangedToken } from '../../identity/index.ts';
import type { JsonValue } from '../json.ts';
import { type RestCall, type Route, TextReply } from '../route.ts';
import { jsonType } from '../http/http-reply.ts';
import type { AccountService } from './account-service.ts';

const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const formType = 'application/x-www-form-urlencoded';
const bodyBytesMax = 32_768;

/**
 * Where credentials files send what they sign: a JWT for an access token (RFC 7523), or for an ID
 * token. Public: the JWT is the credential. Its errors are those of RFC 6749, 5.2.
 */
export function tokenRoute(service: AccountService): Route {
  return {
    rpc: 'sealpost.v1.Identity.ExchangeToken',
    method: 'POST',
    template: '/token',
    cacheControl: 'no-store',
    handle: (call) => exchange(service, call),
  };
}

async function exchange({ exchange: tokens }: AccountService, call: RestCall): Promise<TextReply> {
  const form = formOf(call);
  if (form === null) {
    return failure('invalid_request', `The body must be a form, of type ${formType}.`);
  }
  const [assertion, another] = form.getAll('assertion');
  const [type, anotherType] = form.getAll('grant_type');
  if (type !== grantType || anotherType !== undefined) {
    return failure('unsupported_grant_type', `The grant type must be ${grantType}.`);
  }
  if (assertion === undefined || another !== undefined) {
    return failure('invalid_request', 'The form must have one assertion.');
  }
  const token = await tokens.exchange(assertion, call.callerIp);
  if (token === null) return failure('invalid_grant', 'The assertion is not good.');
  return reply(200, tokenJson(token));
}

function formOf({ body, contentType }: RestCall): URLSearchParams | null {
  const [type = ''] = (contentType ?? '').split(';');
  if (type.trim().toLowerCase() !== formType || body.length > bodyBytesMax) return null;
  return new URLSearchParams(Buffer.from(body).toString('utf8'));
}

function tokenJson(token: ExchangedToken): JsonValue {
  if ('idToken' in token) return { id_token: token.idToken };
  const { accessToken, lifetimeSeconds } = token;
  return { access_token: accessToken, expires_in: lifetimeSeconds - 1, token_type: 'Bearer' };
}

const failure = (error: string, description: string): TextReply =>
  reply(400, { error, error_description: description });

const reply = (status: number, json: JsonValue): TextReply =>
  new TextReply(jsonType, `${JSON.stringify(json)}\n`, status);
