import type { DescMessage } from '@bufbuild/protobuf';

import { fieldOfPath, RpcError } from '../../rpc/index.ts';

/** UNIMPLEMENTED for a field that this server does not act on: better refused than forgotten. */
export function unsupportedField(message: string, field: string): RpcError {
  return new RpcError(
    'UNIMPLEMENTED',
    'FIELD_NOT_SUPPORTED',
    `The field "${field}" of ${message} is not supported by this server.`,
  );
}

/** UNIMPLEMENTED for a method: `google.pubsub.v1.Subscriber.Seek`. */
export function unsupportedMethod(rpc: string): RpcError {
  const message = `The method ${rpc} is not supported by this server.`;
  return new RpcError('UNIMPLEMENTED', 'METHOD_NOT_SUPPORTED', message);
}

export interface MaskRules {
  /** `UpdateTopicRequest`, as the texts name it. */
  readonly request: string;
  readonly resource: DescMessage;
  /** Snake_case names of the fields that may change. */
  readonly mutable: ReadonlySet<string>;
}

/**
 * The top-level fields that a mask names, each once. Throws Google's texts for an absent or empty
 * mask, an unknown path and an immutable one.
 */
export function maskedFields(paths: readonly string[] | undefined, rules: MaskRules): Set<string> {
  if (paths === undefined || paths.length === 0) {
    throw badMask(
      `The update_mask in the ${rules.request} must be set, and must contain a non-empty paths list.`,
    );
  }
  const fields = new Set<string>();
  for (const path of paths) {
    const field = fieldOfPath(path);
    checkMutable(path, field, rules);
    fields.add(field);
  }
  return fields;
}

function checkMutable(path: string, field: string, rules: MaskRules): void {
  const { resource, request } = rules;
  if (!resource.fields.some((known) => known.name === field)) {
    throw badMask(
      `Invalid update_mask provided in the ${request}: ${path.slice(0, 200)} is not a known ${resource.name} field. Note that field paths must be of the form 'schema_settings' rather than 'schemaSettings'.`,
    );
  }
  if (rules.mutable.has(field)) return;
  throw badMask(
    `Invalid update_mask provided in the ${request}: the '${field}' field in the ${resource.name} is not mutable.`,
  );
}

const badMask = (message: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'INVALID_UPDATE_MASK', message);
