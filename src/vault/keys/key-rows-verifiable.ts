import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { MetaRow, MetaStore } from '../../storage/index.ts';
import type { Verifiable } from '../../verification/index.ts';
import { allRows, decodeKeyState, keyStatePrefix } from './key-state-rows.ts';
import { decodeShutdown, shutdownPrefix } from './shutdown-rows.ts';

export interface KeyRowsVerifiableOptions {
  /** As stored, so that a row which does not open does not hide those beside it. */
  readonly rows: MetaStore;
  /** The same rows, opened under the store key. */
  readonly meta: MetaStore;
  readonly clock: Clock;
}

const decoders: Readonly<Record<string, (row: MetaRow) => unknown>> = {
  [keyStatePrefix]: decodeKeyState,
  [shutdownPrefix]: decodeShutdown,
};

/**
 * What is stored of keys, and of the shutdowns that follow: each row opens and is what its key says.
 * A row that was put back whole, with its version, is not told from one that was never changed.
 */
export function keyRowsVerifiable({ rows, meta, clock }: KeyRowsVerifiableOptions): Verifiable {
  const problemOf = async (
    key: string,
    decode: (row: MetaRow) => unknown,
  ): Promise<string | null> => {
    try {
      const row = await meta.get(key);
      return row === null || decode(row) !== null ? null : 'it is no row of this kind';
    } catch (error) {
      const { code, message } = RpcError.from(error);
      if (code === 'DATA_LOSS') return message;
      throw error;
    }
  };
  return {
    part: 'keyStates',
    async verify(sink, signal) {
      for (const [prefix, decode] of Object.entries(decoders)) {
        for (const { key, value } of await allRows(rows, prefix)) {
          if (signal.aborted) return;
          sink.expect(1);
          const problem = await problemOf(key, decode);
          if (problem === null) sink.passed(1, value.length);
          else sink.damaged(key, problem);
        }
        await new Promise<void>((resolve) => clock.soon(resolve));
      }
    },
  };
}
