import { openSegment, segmentDekVersion } from '../../envelope/index.ts';
import type { MetaRow, Segment } from '../../storage/index.ts';
import type { Verifiable } from '../../verification/index.ts';
import type { Registry } from '../registry.ts';
import { noteFailure, type VerifiedLog, walkLogs } from './stored-logs.ts';

const rowsPage = 200;

/** What the broker stores: messages, delivery records, and the rows that say what there is. */
export function brokerVerifiables(registry: Registry): Verifiable[] {
  return [metadata(registry), deliveryRecords(registry), messages(registry)];
}

/** Opens every message: seal, place and each tag. Opened bytes are zeroed at once. */
function messages(registry: Registry): Verifiable {
  const { store, deks } = registry.ports;
  return {
    part: 'messages',
    async verify(sink, signal) {
      const topics = [...registry.topics.values(), ...registry.deletedTopics.values()];
      const logs = topics.map(({ lane, row }): VerifiedLog => {
        const check = async (segment: Segment): Promise<void> => {
          const dek = await deks.forOpen(lane.key.topic, segmentDekVersion(segment.body));
          openSegment(dek, lane.place(segment), segment).bytes.fill(0);
        };
        return { log: lane.appender.log, where: row.name, check };
      });
      await walkLogs(store, logs, sink, signal);
    },
  };
}

/** Records of acknowledgements and leases, and what snapshots retain. */
function deliveryRecords(registry: Registry): Verifiable {
  const { store, sealer } = registry.ports;
  const check = async ({ log, base: at, epoch, kind, body }: Segment): Promise<void> => {
    sealer.open(body, { log, at, epoch, kind });
  };
  return {
    part: 'deliveryRecords',
    async verify(sink, signal) {
      const subscriptions = [...registry.subscriptions.values()].map(({ row }) => row);
      const snapshots = [...registry.snapshots.values()].map(({ row }) => row);
      const rows = [...subscriptions, ...snapshots].filter(({ log }) => log !== 0);
      const logs = rows.map(({ log, name }): VerifiedLog => ({ log, where: name, check }));
      await walkLogs(store, logs, sink, signal);
    },
  };
}

/** Rows of topics, subscriptions, snapshots and counters. */
function metadata(registry: Registry): Verifiable {
  const { store, meta } = registry.ports;
  return {
    part: 'metadata',
    async verify(sink, signal) {
      let page: MetaRow[] = [];
      do {
        const last = page.at(-1);
        // Sealed rows, so that one which does not open does not hide those beside it.
        const from = last === undefined ? {} : { after: last.key };
        page = await store.meta.list('', { ...from, limit: rowsPage });
        sink.expect(page.length);
        for (const { key, value } of page) {
          try {
            await meta.get(key);
            sink.passed(1, value.length);
          } catch (error) {
            noteFailure(error, sink, `row ${key}`, 1);
          }
        }
      } while (page.length === rowsPage && !signal.aborted);
    },
  };
}
