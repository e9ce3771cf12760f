import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { MetaRow, MetaStore } from '../../storage/index.ts';
import type { Verifiable, VerificationSink } from '../../verification/index.ts';

export interface MetadataVerifiableOptions {
  /** The rows as they are stored, so that one which does not open does not hide those beside it. */
  readonly rows: MetaStore;
  /** The same, opened. */
  readonly meta: MetaStore;
  readonly clock: Clock;
}

const pageRows = 100;

/** Every row of the vault's own store: services, revisions, states of keys, deadlines, instances. */
export function metadataVerifiable({ rows, meta, clock }: MetadataVerifiableOptions): Verifiable {
  return {
    part: 'vault-metadata',
    async verify(sink, signal) {
      let page: MetaRow[] = [];
      do {
        const after = page.at(-1)?.key;
        const from = after === undefined ? {} : { after };
        page = await rows.list('vault/', { ...from, limit: pageRows });
        sink.expect(page.length);
        for (const row of page) await verifyRow(meta, row, sink);
        await new Promise<void>((resolve) => clock.soon(resolve));
      } while (page.length === pageRows && !signal.aborted);
    },
  };
}

/** A row that changed or went since it was listed opens, or is not there: neither is damage. */
async function verifyRow(
  meta: MetaStore,
  { key, value }: MetaRow,
  sink: VerificationSink,
): Promise<void> {
  try {
    await meta.get(key);
    sink.passed(1, value.length);
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== 'DATA_LOSS') throw error;
    sink.damaged(`row ${key}`, error.message);
  }
}
