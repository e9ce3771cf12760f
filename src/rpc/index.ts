/**
 * rpc: what Google's APIs share: status codes, the one error class, resource names, masks, tokens.
 *
 * Imports nothing of ours. Nothing outside `api` turns any of this into bytes on a wire.
 */
export {
  durationToMs,
  formatDuration,
  formatTimestamp,
  msToDuration,
  type SecondsAndNanos,
} from './duration.ts';
export { camelCase, snakeCase } from './field-mask.ts';
export { nearestName } from './nearest-name.ts';
export { badQueryToken, placesOfQueryToken, queryToken, tokenItems } from './query-token.ts';
export {
  parseProjectName,
  parsePubsubName,
  projectIdPattern,
  resourceIdPattern,
  type PubsubCollection,
  type PubsubName,
} from './resource-name.ts';
export { RpcError, type ErrorDetail, type RpcErrorOptions } from './rpc-error.ts';
export { accountEmail, parseAccountEmail, type AccountEmail } from './service-account.ts';
export { responseClass, statusTable, type StatusCode, type StatusRow } from './status.ts';
