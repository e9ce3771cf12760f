import type { PubsubCollection, PubsubName } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';

/**
 * A name that nobody chose, for a new resource in the project of `beside`: "If the name is not
 * provided in the request, the server will assign a random name" (pubsub.v1). Empty, which is no
 * name, if there is nothing to be beside.
 */
export function drawName(
  beside: PubsubName | undefined,
  collection: PubsubCollection,
  entropy: Entropy,
): string {
  if (beside === undefined) return '';
  const id = Buffer.from(draw(entropy, 8)).toString('hex');
  return `projects/${beside.project}/${collection}/${collection.slice(0, 3)}-${id}`;
}
