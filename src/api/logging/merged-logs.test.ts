import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { AuditBench, auditEntry } from '../../../test/support/audit-bench.ts';
import { type AuditQuery, type EntryJson, parseLogQuery } from '../../audit/index.ts';
import { LoggingServiceV2 } from '../../proto/google/logging/v2/logging_pb.ts';
import type { LoggedServiceEntry, LogName, ServiceLogs } from '../../vault/index.ts';
import { loggingMethods } from './logging-methods.ts';
import { auditSource, serviceSource } from './log-scan.ts';
import { mergedPage } from './merged-logs.ts';

type ReadRequest = Parameters<ServiceLogs['read']>[0];

/** Logs of services in memory, which say what they were asked for. */
class MemoryServiceLogs {
  readonly entries: LoggedServiceEntry[] = [];
  readonly requests: ReadRequest[] = [];

  add(timeMs: number, text: string, serviceId = 'hello', log: LogName = 'stdout'): void {
    const revision = { project: 'p', location: 'l', serviceId, revisionId: `${serviceId}-1` };
    const insertId = `s${String(timeMs).padStart(16, '0')}${String(this.entries.length).padStart(6, '0')}`;
    const severity = 'INFO' as const;
    this.entries.push({ log, severity, revision, instanceId: 'i', timeMs, text, insertId });
  }

  async read(request: ReadRequest): Promise<readonly LoggedServiceEntry[]> {
    this.requests.push(request);
    const { project, service, fromMs, toMs, order, limit, after } = request;
    const sign = order === 'asc' ? 1 : -1;
    return this.entries
      .filter(({ revision }) => revision.project === project)
      .filter(({ revision }) => (service?.serviceId ?? revision.serviceId) === revision.serviceId)
      .filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs)
      .toSorted((a, b) => (a.insertId < b.insertId ? -sign : sign))
      .filter(({ insertId }) => after === undefined || (insertId < after ? -1 : 1) * sign > 0)
      .filter(({ insertId }) => insertId !== after)
      .slice(0, limit);
  }

  async logNames(project: string): Promise<readonly LogName[]> {
    const own = this.entries.filter(({ revision }) => revision.project === project);
    return [...new Set(own.map(({ log }) => log))];
  }
}

interface Bench {
  readonly audit: AuditBench;
  readonly logs: MemoryServiceLogs;
  page(change?: Partial<AuditQuery>): Promise<{ texts: string[]; nextPageToken: string }>;
  all(change?: Partial<AuditQuery>): Promise<string[]>;
}

const whole: AuditQuery = {
  resourceNames: ['projects/p'],
  filter: '',
  orderBy: 'timestamp asc',
  pageSize: 0,
  pageToken: '',
};

async function openBench(): Promise<Bench> {
  const audit = await AuditBench.open();
  const logs = new MemoryServiceLogs();
  const services = { logs, clock: audit.clock };
  const page: Bench['page'] = async (change = {}) => {
    const asked = { ...whole, ...change };
    const query = parseLogQuery(asked);
    const sources = [auditSource(audit.log, asked), serviceSource(services, 'p')];
    const { entries, nextPageToken } = await mergedPage(sources, query, asked.pageToken);
    return { texts: entries.map(textOf), nextPageToken };
  };
  const all: Bench['all'] = async (change = {}) => {
    const texts: string[] = [];
    let pageToken = '';
    do {
      const found = await page({ ...change, pageToken });
      texts.push(...found.texts);
      pageToken = found.nextPageToken;
    } while (pageToken !== '');
    return texts;
  };
  return { audit, logs, page, all };
}

function textOf(entry: EntryJson): string {
  const payload = entry['protoPayload'] as { readonly methodName: string } | undefined;
  return payload?.methodName ?? (entry['textPayload'] as string);
}

/** An entry of the audit log and one of a service each in its turn, ms by ms. */
async function interleaved(kinds: readonly ('audit' | 'service')[]): Promise<Bench> {
  const bench = await openBench();
  for (const [index, kind] of kinds.entries()) {
    await bench.audit.clock.advance(1);
    if (kind === 'audit') await bench.audit.log.append(auditEntry({ methodName: `a${index}` }));
    else bench.logs.add(bench.audit.clock.wallMs(), `s${index}`);
  }
  return bench;
}

const label = (kind: string, index: number): string => `${kind === 'audit' ? 'a' : 's'}${index}`;

test('whatever the logs hold, pages of any size give each entry once, in the order of time', async () => {
  const kinds = fc.array(fc.constantFrom('audit' as const, 'service' as const), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(kinds, fc.integer({ min: 1, max: 7 }), async (order, pageSize) => {
      const bench = await interleaved(order);
      const expected = order.map(label);
      expect(await bench.all({ pageSize })).toEqual(expected);
      const orderBy = 'timestamp desc';
      expect(await bench.all({ pageSize, orderBy })).toEqual(expected.toReversed());
    }),
    { numRuns: 30 },
  );
});

test('a page that looks at much and finds little goes on where it stopped', async () => {
  const bench = await openBench();
  const startMs = bench.audit.clock.wallMs();
  for (let index = 0; index < 45_000; index++) bench.logs.add(startMs + index, 'noise');
  bench.logs.add(startMs + 45_001, 'needle');
  const filter = 'textPayload=needle';
  const pages: number[] = [];
  let pageToken = '';
  do {
    const found = await bench.page({ filter, pageToken });
    pages.push(found.texts.length);
    pageToken = found.nextPageToken;
  } while (pageToken !== '');
  expect(pages).toEqual([0, 0, 1]);
});

test('what one log holds behind where another stopped waits for its page', async () => {
  const bench = await openBench();
  const startMs = bench.audit.clock.wallMs();
  for (let index = 0; index < 25_000; index++) bench.logs.add(startMs + 1, 'noise');
  bench.logs.add(startMs + 2, 'early');
  await bench.audit.clock.advance(1_000);
  await bench.audit.log.append(auditEntry({ methodName: 'late' }));
  const filter = 'NOT textPayload=noise';
  const first = await bench.page({ filter });
  expect(first.texts).toEqual([]);
  const second = await bench.page({ filter, pageToken: first.nextPageToken });
  expect(second.texts).toEqual(['early', 'late']);
});

describe('a filter', () => {
  test.each([
    ['resource.type=cloud_run_revision', ['s1', 's2']],
    ['resource.labels.service_name=hello', ['s1']],
    ['resource.labels.service_name=hello AND resource.labels.location=l', ['s1']],
    ['textPayload:"2"', ['s2']],
    ['labels.instanceId=i severity>=INFO', ['s1', 's2']],
    ['log_id("run.googleapis.com/stderr")', ['s2']],
    ['logName="projects/p/logs/run.googleapis.com%2Fstdout"', ['s1']],
    ['logName:run.googleapis.com', ['s1', 's2']],
    ['protoPayload.methodName:a', ['a0']],
    ['NOT resource.type=cloud_run_revision', ['a0']],
  ])('%s', async (filter, expected) => {
    const bench = await openBench();
    await bench.audit.log.append(auditEntry({ methodName: 'a0' }));
    bench.logs.add(bench.audit.clock.wallMs() + 1, 's1');
    bench.logs.add(bench.audit.clock.wallMs() + 2, 's2', 'other', 'stderr');
    expect(await bench.all({ filter })).toEqual(expected);
  });

  test('keeps logs from being read in which nothing can be', async () => {
    const bench = await interleaved(['audit', 'service']);
    for (const filter of [
      'resource.type=cloudkms_cryptokey',
      'log_id("cloudaudit.googleapis.com/activity")',
      'timestamp<"2000-01-01" timestamp>"2001-01-01"',
    ]) {
      await bench.all({ filter });
    }
    expect(bench.logs.requests).toEqual([]);
    await bench.all({
      filter:
        'resource.labels.service_name=hello resource.labels.location=l timestamp>="2001-01-01"',
    });
    const service = { project: 'p', location: 'l', serviceId: 'hello' };
    expect(bench.logs.requests).toMatchObject([{ service, fromMs: Date.UTC(2001, 0, 1) }]);
  });
});

test('a token of another query is refused', async () => {
  const bench = await interleaved(['audit', 'service', 'audit']);
  const { nextPageToken } = await bench.page({ pageSize: 1 });
  const refused = { code: 'INVALID_ARGUMENT', reason: 'BAD_PAGE_TOKEN' };
  for (const change of [{ filter: 'x' }, { orderBy: 'timestamp desc' }, { pageToken: 'WzFd' }]) {
    const asked = { pageToken: nextPageToken, ...change };
    await expect(bench.page(asked)).rejects.toMatchObject(refused);
  }
});

test('logs of services are listed beside those of the audit log', async () => {
  const bench = await interleaved(['audit', 'service']);
  bench.logs.add(0, 'x', 'hello', 'varlog/system');
  const services = { logs: bench.logs, clock: bench.audit.clock };
  const method = loggingMethods(bench.audit.log, services, {
    isGranted: () => true,
  }).find(({ desc }) => desc === LoggingServiceV2.method.listLogs)!;
  const request = { parent: 'projects/p', resourceNames: [], pageSize: 0, pageToken: '' };
  const answer = await method.call(request as never, { forceDestroy: false } as never);
  expect(answer).toMatchObject({
    logNames: [
      'projects/p/logs/cloudaudit.googleapis.com%2Factivity',
      'projects/p/logs/run.googleapis.com%2Fstdout',
      'projects/p/logs/run.googleapis.com%2Fvarlog%2Fsystem',
    ],
  });
});
