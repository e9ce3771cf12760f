import { clone, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

import { RpcError, snakeCase } from '../../rpc/index.ts';

export interface MaskRules<Desc extends DescMessage = DescMessage> {
  /** `UpdateTopicRequest`, as the texts name it. */
  readonly request: string;
  readonly resource: Desc;
  /** Snake_case names of the fields that may change. */
  readonly mutable: ReadonlySet<string>;
}

/** What an update is to change. */
export interface UpdateMask {
  /** By the names of the proto: `['retry_policy', 'minimum_backoff']`. */
  readonly paths: readonly (readonly string[])[];
  /** The top-level fields that they are in, each once. */
  readonly fields: ReadonlySet<string>;
}

/**
 * A mask's paths in either spelling, `pushConfig.pushEndpoint` or `push_config.push_endpoint`.
 * Throws Google's texts for an absent or empty mask, an unknown path and an immutable one.
 */
export function readMask(paths: readonly string[] | undefined, rules: MaskRules): UpdateMask {
  if (paths === undefined || paths.length === 0) {
    throw badMask(
      `The update_mask in the ${rules.request} must be set, and must contain a non-empty paths list.`,
    );
  }
  const split = paths.map((path) => checkedPath(path, rules));
  return { paths: split, fields: new Set(split.map(([field]) => field!)) };
}

/**
 * `stored` with what the mask names of it as `given` has it; what `given` lacks of that is unset,
 * which stands for its default.
 */
export function masked<Desc extends DescMessage>(
  desc: Desc,
  stored: MessageShape<Desc>,
  given: MessageShape<Desc>,
  { paths }: UpdateMask,
): MessageShape<Desc> {
  const merged = clone(desc, stored);
  const from = reflect(desc, given);
  for (const path of paths) take(reflect(desc, merged), from, path);
  return merged;
}

function take(
  into: ReflectMessage,
  from: ReflectMessage | undefined,
  [name, ...rest]: readonly string[],
): void {
  const field = into.desc.fields.find((known) => known.name === name)!;
  if (rest.length > 0 && field.fieldKind === 'message') {
    const inner = into.isSet(field) ? into.get(field) : reflect(field.message);
    take(inner, from?.isSet(field) === true ? from.get(field) : undefined, rest);
    into.set(field, inner);
  } else if (from?.isSet(field) === true) into.set(field, from.get(field));
  else into.clear(field);
}

function checkedPath(path: string, rules: MaskRules): string[] {
  const names = snakeCase(path).split('.');
  const { resource, request } = rules;
  if (!isKnown(resource, names)) {
    throw badMask(
      `Invalid update_mask provided in the ${request}: ${path.slice(0, 200)} is not a known ${resource.name} field. Note that field paths must be of the form 'schema_settings' rather than 'schemaSettings'.`,
    );
  }
  const field = names[0]!;
  if (rules.mutable.has(field)) return names;
  throw badMask(
    `Invalid update_mask provided in the ${request}: the '${field}' field in the ${resource.name} is not mutable.`,
  );
}

/** Keys of maps and parts of durations are no fields of their own. */
function isKnown(resource: DescMessage, names: readonly string[]): boolean {
  let desc: DescMessage | undefined = resource;
  for (const name of names) {
    const field: DescField | undefined = desc?.fields.find((known) => known.name === name);
    if (field === undefined) return false;
    const isWellKnown: boolean = field.message?.typeName.startsWith('google.protobuf.') === true;
    desc = field.fieldKind === 'message' && !isWellKnown ? field.message : undefined;
  }
  return true;
}

const badMask = (message: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'INVALID_UPDATE_MASK', message);
