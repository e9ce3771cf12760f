import { isAbsolute } from 'node:path';
import type { AuditCaller } from '../../audit/index.ts';
import { isLoopback } from '../../config/index.ts';
import {
  argumentError,
  type ResealRequest,
  type RootKeyStatus,
  sealSources,
} from '../../kms/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import type { JsonObject } from '../json/json-body.ts';
import type { RestCall, Route } from '../route.ts';
import { JsonFields } from './json-fields.ts';

const service = 'sealpost.v1.RootKey';
const path = '/sealpost/v1/rootKey';

/** Tells what seals the root key, and seals it anew. */
export interface RootKeyControl {
  status(): RootKeyStatus;
  reseal(request: ResealRequest, caller: AuditCaller): Promise<RootKeyStatus>;
}

/**
 * The root key, for `sealpost root`: over loopback alone and for no page, wherever we listen. A
 * request holds paths of files, never a secret; the server reads them.
 */
export function rootKeyRoutes(rootKey: RootKeyControl): Route[] {
  return [
    {
      rpc: `${service}.GetRootKey`,
      method: 'GET',
      template: path,
      handle: (call) => {
        requireOperator(call);
        return view(rootKey.status());
      },
    },
    {
      rpc: `${service}.ResealRootKey`,
      method: 'POST',
      template: `${path}:reseal`,
      handle: async (call) => {
        requireOperator(call);
        const { callerIp, principal, userAgent } = call;
        const caller: AuditCaller = {
          principalEmail: principal.email,
          ...(callerIp !== undefined && { callerIp }),
          ...(userAgent !== undefined && { userAgent }),
        };
        return view(await rootKey.reseal(readRequest(call.json()), caller));
      },
    },
  ];
}

function requireOperator({ callerIp, isCrossOrigin }: RestCall): void {
  if (!isCrossOrigin && callerIp !== undefined && isLoopback(callerIp)) return;
  const text = 'The root key is for the operator of this machine: call over loopback.';
  throw new RpcError('PERMISSION_DENIED', 'ROOT_KEY_FOR_OPERATOR', text);
}

const fields = ['to', 'newKey', 'passphraseFile', 'wrappingKeyFile', 'pkcs11'];
const tokenFields = ['library', 'tokenLabel', 'pinFile'];

function readRequest(json: JsonObject): ResealRequest {
  const request = new JsonFields(json, fields);
  const to = request.enumName('to', 'sealpost.v1.SealSource', sealSources);
  const passphraseFile = readPath(request, 'passphraseFile');
  const wrappingKeyFile = readPath(request, 'wrappingKeyFile');
  const token = request.message('pkcs11', tokenFields, 'sealpost.v1.Token');
  return {
    ...(to !== undefined && { to }),
    isNewKey: request.flag('newKey') ?? false,
    secrets: {
      ...(passphraseFile !== undefined && { passphraseFile }),
      ...(wrappingKeyFile !== undefined && { wrappingKeyFile }),
      ...(token !== undefined && { pkcs11: readToken(token) }),
    },
  };
}

/** Absolute: the server's working directory is not the caller's. */
function readPath(json: JsonFields, field: string): string | undefined {
  const path = json.text(field);
  if (path === undefined || (isAbsolute(path) && !path.includes('\0'))) return path;
  throw argumentError(field, `Request field ${field} must be the absolute path of a file.`);
}

type TokenPlace = NonNullable<ResealRequest['secrets']['pkcs11']>;

function readToken(token: JsonFields): TokenPlace {
  const library = readPath(token, 'library');
  const pinFile = readPath(token, 'pinFile');
  const tokenLabel = token.text('tokenLabel');
  if (library !== undefined && pinFile !== undefined && tokenLabel !== undefined) {
    return { library, tokenLabel, pinFile };
  }
  throw argumentError('pkcs11', 'Request field pkcs11 needs library, tokenLabel and pinFile.');
}

function view({ id, path: file, source, parameters, previousId }: RootKeyStatus): JsonValue {
  return {
    id,
    path: file,
    source,
    parameters: { ...parameters },
    ...(previousId === null ? {} : { previousId }),
  };
}
