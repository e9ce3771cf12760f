import { openSegment, segmentDekVersion } from '../../envelope/index.ts';
import type { MetaRow, Segment } from '../../storage/index.ts';
import type { Verifiable } from '../../verification/index.ts';
import type { Registry } from '../registry.ts';
import { noteFailure, walkLog } from './stored-logs.ts';

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
      for (const { lane } of topics) {
        const [tail] = await store.tails([lane.appender.log]);
        sink.expect(tail!.next - tail!.trim);
      }
      for (const topic of topics) {
        const { lane, row } = topic;
        const check = async (segment: Segment): Promise<void> => {
          const dek = await deks.forOpen(lane.key.topic, segmentDekVersion(segment.body));
          openSegment(dek, lane.place(segment), segment).bytes.fill(0);
        };
        await walkLog(store, lane.appender.log, sink, { where: row.name, signal, check });
      }
    },
  };
}

/** Records of acknowledgements and leases, and what snapshots retain. */
function deliveryRecords(registry: Registry): Verifiable {
  const { store, sealer } = registry.ports;
  return {
    part: 'deliveryRecords',
    async verify(sink, signal) {
      const subscriptions = [...registry.subscriptions.values()].map(({ row }) => row);
      const snapshots = [...registry.snapshots.values()].map(({ row }) => row);
      const logs = [...subscriptions, ...snapshots].filter(({ log }) => log !== 0);
      for (const { log } of logs) {
        const [tail] = await store.tails([log]);
        sink.expect(tail!.next - tail!.trim);
      }
      for (const { log, name } of logs) {
        const check = async (segment: Segment): Promise<void> => {
          const { base: at, epoch, kind, body } = segment;
          sealer.open(body, { log, at, epoch, kind });
        };
        await walkLog(store, log, sink, { where: name, signal, check });
      }
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
