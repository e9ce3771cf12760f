import { describe, expect, test } from 'vitest';

import type { AuditEntry } from '../../src/audit/index.ts';
import { AnchorKeeper } from '../../src/audit/chain/anchor.ts';
import { openAuditSegment, sealSegment } from '../../src/audit/chain/audit-segment.ts';
import {
  chainLogs,
  entryHash,
  entryOf,
  type ChainName,
} from '../../src/audit/chain/stored-entry.ts';
import { noAuditObserver } from '../../src/audit/observer.ts';
import type { SuiteId } from '../../src/crypto/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { segmentKinds } from '../../src/storage/index.ts';
import { hex, toHex } from '../support/hex.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { nonceOf, readGolden, RecordedEntropy, suitesPreferring } from './golden-file.ts';

/** A segment as it is stored, and what was in it. */
interface GoldenSegment {
  readonly suite: SuiteId;
  readonly key: string;
  readonly chain: ChainName;
  readonly base: number;
  readonly previous: string;
  readonly timeMs: number;
  readonly segmentId: string;
  readonly entries: readonly { readonly entry: AuditEntry; readonly id?: string }[];
  readonly contents: readonly string[];
  readonly hash: string;
  readonly body: string;
}

interface GoldenAnchor {
  readonly suite: SuiteId;
  readonly key: string;
  readonly blob: string;
  readonly activity: { trim: number; trusted: string; next: number; hash: string };
}

const golden = readGolden('audit-format-1.json') as {
  readonly segments: readonly GoldenSegment[];
  readonly anchors: readonly GoldenAnchor[];
};

/** The records of a body: u32be length ‖ record, each. */
function recordsOf(body: Uint8Array): Uint8Array[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const records: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += 4 + view.getUint32(at)) {
    records.push(body.subarray(at + 4, at + 4 + view.getUint32(at)));
  }
  return records;
}

test('golden segments and anchors are there, of both suites', () => {
  expect(new Set(golden.segments.map(({ suite }) => suite)).size).toBe(2);
  expect(new Set(golden.segments.map(({ chain }) => chain)).size).toBe(2);
  expect(golden.anchors.length).toBeGreaterThan(1);
});

describe.each(golden.segments)('a segment of $chain at $base under suite $suite', (given) => {
  const { suite, chain, base, previous, timeMs, entries } = given;
  const key = suitesPreferring(suite).preferred.importKey(hex(given.key));
  const body = hex(given.body);
  const id = hex(given.segmentId);

  test('is opened', () => {
    const kind = segmentKinds.audit;
    const count = entries.length;
    const segment = { log: chainLogs[chain], base, count, epoch: 0, id, timeMs, kind, body };
    const opened = openAuditSegment(chain, segment, key);
    expect(opened.isWhole).toBe(true);
    const chained = opened.entries.map((each) => each.opened!);
    expect(chained.map(({ content }) => Buffer.from(content).toString())).toEqual(given.contents);
    expect(toHex(chained[0]!.previous)).toBe(previous);
    expect(toHex(entryHash(chained.at(-1)!))).toBe(given.hash);
    expect(chained.map(({ content }) => entryOf(content))).toEqual(
      entries.map(({ entry, id: entryId }, index) => ({
        id: entryId ?? null,
        entry: {
          ...entry,
          timeMs,
          insertId:
            (chain === 'activity' ? 'a' : 'd') + (base + index).toString(16).padStart(14, '0'),
        },
      })),
    );
  });

  test('is written again, byte for byte', () => {
    const entropy = new RecordedEntropy(id, ...recordsOf(body).map(nonceOf));
    const from = { next: base, hash: hex(previous), timeMs: 0 };
    const added = entries.map((each) => ({ entry: each.entry, id: each.id }));
    const sealed = sealSegment(chain, from, added, { key, entropy, timeMs });
    expect(toHex(sealed.append.body)).toBe(given.body);
    expect(toHex(sealed.end.hash)).toBe(given.hash);
    expect(entropy.left).toBe(0);
  });
});

test.each(golden.anchors)('an anchor under suite $suite is opened', async ({ suite, ...given }) => {
  const anchors = await AnchorKeeper.open({
    store: { load: async () => hex(given.blob), save: async () => undefined },
    key: suitesPreferring(suite).preferred.importKey(hex(given.key)),
    clock: new VirtualClock(),
    entropy: new RecordedEntropy(),
    log: silentLogger,
    observer: noAuditObserver,
  });
  expect(anchors.found).toBe('read');
  const { trim, next, trusted, hash } = anchors.anchor('activity');
  expect({ trim, next, trusted: toHex(trusted), hash: toHex(hash) }).toEqual(given.activity);
  const place = { insertId: 'a00000000000007', timeMs: 1_767_225_600_123 };
  expect([...anchors.ids]).toEqual([['00112233445566778899aabbccddeeff', place]]);
  expect(anchors.incidents).toMatchObject([{ kind: 'truncated', chain: 'data_access' }]);
});
