import { usageError } from '../command/command-error.ts';
import type { Call } from '../command/command-spec.ts';
import type { Json } from '../connection/rest-api.ts';

const dependents = [
  'push-service-account',
  'push-audience',
  'push-no-wrapper',
  'push-write-metadata',
];

/** google.pubsub.v1.PushConfig of the options; undefined if none was given. */
export function pushConfigOf({ flags }: Call): Json | undefined {
  const pushEndpoint = flags.text('push-endpoint');
  if (pushEndpoint === undefined) {
    const alone = dependents.find((name) => flags.isSet(name));
    if (alone === undefined) return undefined;
    throw usageError(`--${alone} needs --push-endpoint.`);
  }
  const serviceAccountEmail = flags.text('push-service-account');
  const audience = flags.text('push-audience');
  if (audience !== undefined && serviceAccountEmail === undefined) {
    throw usageError('--push-audience needs --push-service-account.');
  }
  const writeMetadata = flags.isSet('push-write-metadata');
  const isBare = flags.isSet('push-no-wrapper');
  if (writeMetadata && !isBare) throw usageError('--push-write-metadata needs --push-no-wrapper.');
  // What is undefined is left out of JSON.
  return {
    pushEndpoint,
    ...(serviceAccountEmail && { oidcToken: { serviceAccountEmail, audience } }),
    ...(isBare && { noWrapper: { writeMetadata } }),
  };
}

/** The endpoint that messages are sent to; empty if programs pull them. */
export function endpointOf(subscription: Json): string {
  const config = (subscription['pushConfig'] ?? {}) as { pushEndpoint?: unknown };
  return typeof config.pushEndpoint === 'string' ? config.pushEndpoint : '';
}
