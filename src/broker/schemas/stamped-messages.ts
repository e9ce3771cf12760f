import type { SchemaEncoding } from '../../schemas/index.ts';
import type { SealableMessage } from '../service.ts';
import { encodeAttributes, keptFields, writeParts, type EncodedAttributes } from '../wire/index.ts';
import type { RevisionHead } from './schema-rows.ts';

/**
 * Copies of messages that say which revision of which schema each conforms to; what they said of
 * that before is replaced. They come on top of the limits of a publish. `heads`: of each message.
 */
export function stampedMessages(
  messages: readonly SealableMessage[],
  heads: readonly RevisionHead[],
  schema: string,
  encoding: SchemaEncoding,
): SealableMessage[] {
  const stamps = new Map<RevisionHead, EncodedAttributes>();
  for (const head of heads) {
    if (!stamps.has(head)) stamps.set(head, stampOf(schema, head, encoding));
  }
  const kept = messages.map(({ bytes }, i) => keptFields(bytes, stamps.get(heads[i]!)!.keys));
  const sizes = kept.map(({ bytes }, i) => bytes + stamps.get(heads[i]!)!.fields.length);
  // Never from a pool: they are filled with zeros once they are sealed.
  const slab = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  return messages.map(({ orderingKey }, i) => {
    const start = at;
    at = writeParts(slab, at, [...kept[i]!.parts, stamps.get(heads[i]!)!.fields]);
    return { bytes: slab.subarray(start, at), orderingKey };
  });
}

const stampOf = (
  schema: string,
  { id }: RevisionHead,
  encoding: SchemaEncoding,
): EncodedAttributes =>
  encodeAttributes([
    ['googclient_schemaname', schema],
    ['googclient_schemarevisionid', id],
    ['googclient_schemaencoding', encoding],
  ]);
