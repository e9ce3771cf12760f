import { create } from '@bufbuild/protobuf';

import { invalidArgument, type PushConfig } from '../../broker/index.ts';
import { RpcError } from '../../rpc/index.ts';
import {
  PushConfigSchema,
  type PushConfig as PushConfigMessage,
  type PushConfig_OidcToken,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { unsupportedField } from '../unsupported.ts';

const endpointBytesMax = 2_048;
const audienceBytesMax = 2_048;
const emailBytesMax = 320;

/** The one attribute there is, and its default: the format of the v1 API. */
const versionAttribute = 'x-goog-version';
const defaultVersion = 'v1';
const versions: ReadonlySet<string> = new Set(['v1', 'v1beta2']);

/**
 * The broker's form of a push configuration; undefined if it has no endpoint, which means pull.
 * Throws INVALID_ARGUMENT, and UNIMPLEMENTED for the format of v1beta1.
 */
export function pushConfigFromMessage(
  message: PushConfigMessage | undefined,
): PushConfig | undefined {
  if (message === undefined) return undefined;
  const { pushEndpoint: endpoint, attributes, authenticationMethod, wrapper } = message;
  checkAttributes(attributes);
  if (endpoint === '') {
    checkEmpty(message);
    return undefined;
  }
  checkEndpoint(endpoint);
  return {
    endpoint,
    attributes: { ...attributes },
    ...(authenticationMethod.case === 'oidcToken' && {
      oidcToken: oidcTokenOf(authenticationMethod.value),
    }),
    ...(wrapper.case === 'noWrapper' && {
      noWrapper: { writeMetadata: wrapper.value.writeMetadata },
    }),
  };
}

/** With the version filled in, as production answers. */
export function pushConfigToMessage(config: PushConfig | undefined): PushConfigMessage {
  if (config === undefined) return create(PushConfigSchema);
  const { endpoint, attributes, oidcToken, noWrapper } = config;
  return create(PushConfigSchema, {
    pushEndpoint: endpoint,
    attributes: { [versionAttribute]: defaultVersion, ...attributes },
    ...(oidcToken && {
      authenticationMethod: { case: 'oidcToken' as const, value: { ...oidcToken } },
    }),
    ...(noWrapper && { wrapper: { case: 'noWrapper' as const, value: { ...noWrapper } } }),
  });
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (key !== versionAttribute) {
      const shown = key.slice(0, 100);
      throw invalidArgument(
        `push_config.attributes: the only supported key is "${versionAttribute}", not "${shown}"`,
      );
    }
    if (value === 'v1beta1') {
      throw unsupportedField('google.pubsub.v1.PushConfig', `attributes.${key}: ${value}`);
    }
    if (!versions.has(value)) {
      throw invalidArgument(
        `push_config.attributes: "${versionAttribute}" must be one of v1, v1beta2, v1beta1`,
      );
    }
  }
}

/** What would be forgotten without an endpoint is refused. */
function checkEmpty({ authenticationMethod, wrapper }: PushConfigMessage): void {
  if (authenticationMethod.case === undefined && wrapper.case !== 'noWrapper') return;
  throw invalidArgument('push_config.push_endpoint must be set where there is any other setting');
}

function checkEndpoint(endpoint: string): void {
  if (!isEndpoint(endpoint)) throw invalidEndpoint(endpoint);
}

function isEndpoint(endpoint: string): boolean {
  if (Buffer.byteLength(endpoint) > endpointBytesMax) return false;
  // The parser would pass over white space, a missing slash and an empty fragment.
  if (!/^https?:\/\/[^/?#]/i.test(endpoint) || /[\s\p{Cc}#\\]/u.test(endpoint)) return false;
  const url = URL.parse(endpoint);
  return url !== null && url.username === '' && url.password === '';
}

/** Without the password that it may hold. */
function invalidEndpoint(endpoint: string): RpcError {
  const shown = endpoint.replace(/\/\/.*@/s, '//…@').slice(0, 400);
  return new RpcError(
    'INVALID_ARGUMENT',
    'INVALID_PUSH_ENDPOINT',
    `Invalid push endpoint given (endpoint=${shown}). Refer to https://cloud.google.com/pubsub/docs/subscriber#create for more information.`,
  );
}

function oidcTokenOf({
  serviceAccountEmail,
  audience,
}: PushConfig_OidcToken): NonNullable<PushConfig['oidcToken']> {
  const isEmail = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(serviceAccountEmail);
  if (!isEmail || Buffer.byteLength(serviceAccountEmail) > emailBytesMax) {
    throw invalidArgument('push_config.oidc_token.service_account_email must be an email address');
  }
  if (Buffer.byteLength(audience) > audienceBytesMax) {
    throw invalidArgument(
      `push_config.oidc_token.audience has more than ${audienceBytesMax} bytes`,
    );
  }
  return { serviceAccountEmail, audience };
}
