import type { MessageTransform, TransformEngine } from '../../transforms/index.ts';
import { invalidArgument } from '../limits.ts';
import { transformsUnavailable } from './transform-errors.ts';

/**
 * Refuses transforms that could not be run, INVALID_ARGUMENT with the first of them; disabled ones
 * too, for they may be enabled. UNAVAILABLE where nobody can say.
 */
export async function checkTransforms(
  transforms: readonly MessageTransform[] | undefined,
  engine: TransformEngine | undefined,
): Promise<void> {
  for (const [index, transform] of (transforms ?? []).entries()) {
    const why = await refusalOf(transform, engine);
    if (why !== null) throw invalidArgument(`message_transforms[${index}]: ${why}`);
  }
}

/** Null: it can be run. */
async function refusalOf(
  transform: MessageTransform,
  engine: TransformEngine | undefined,
): Promise<string | null> {
  if (engine === undefined) throw transformsUnavailable();
  try {
    return await engine.check(transform);
  } catch (error) {
    throw transformsUnavailable(error);
  }
}
