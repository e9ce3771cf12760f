import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { incompatibility, type SchemaDefinition } from '../../schemas/index.ts';
import { revisionRow, type RevisionHead, type SchemaRow } from './schema-rows.ts';

/**
 * Throws INVALID_ARGUMENT unless a definition may follow every revision that there is; the newest
 * that it does not fit is named. Comparing long ones takes its time: others have a turn in between.
 */
export async function checkFit(
  definition: SchemaDefinition,
  row: SchemaRow,
  definitionOf: (head: RevisionHead) => Promise<SchemaDefinition>,
  clock: Clock,
): Promise<void> {
  // What a rollback repeats, and what is committed anew, needs to be compared but once.
  const compared = new Set([textOf(definition)]);
  for (const head of row.revisions.toReversed()) {
    const older = await definitionOf(head);
    const text = textOf(older);
    if (compared.has(text)) continue;
    compared.add(text);
    const why = incompatibility(definition, older);
    if (why !== null) throw incompatible(head, why);
    await new Promise<void>((resolve) => {
      clock.soon(resolve);
    });
  }
}

const textOf = (definition: SchemaDefinition): string => JSON.stringify(revisionRow(definition));

const incompatible = ({ id }: RevisionHead, why: string): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'SCHEMA_INCOMPATIBLE',
    `Revision is incompatible with previous revision: ${id}. ${why}`,
  );
