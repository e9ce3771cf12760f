import { shortId } from '../connection/resource-names.ts';
import { cut, grouped, roughly } from '../output/plain-text.ts';
import { tableLines } from '../output/table.ts';
import type { Snapshot } from './snapshot.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Title, totals, two headings, two blank lines, two lines of what did not fit, and the keys. */
const fixedRows = 9;
const topicColumns = [{ title: 'TOPIC' }, { title: 'KEY' }, { title: 'STATE' }, number('PUB/S')];
const subscriptionColumns = [
  { title: 'SUBSCRIPTION' },
  { title: 'TOPIC' },
  number('BACKLOG'),
  number('OLDEST'),
  number('OUT'),
  number('SENT/S'),
  number('ACK/S'),
];
/** Room for names where every number is long. */
const nameMax = 24;

/** The lines of one screen, none of them wider, and not more than there is room for. */
export function screenLines(snapshot: Snapshot, title: string, size: ScreenSize): string[] {
  const room = Math.max(2, size.rows - fixedRows);
  // Topics take what subscriptions leave, and half in any case.
  const half = Math.floor(room / 2);
  const topicRows = Math.min(
    snapshot.topics.length,
    Math.max(half, room - snapshot.subscriptions.length),
  );
  const lines = [
    title,
    totalsLine(snapshot),
    '',
    ...topicLines(snapshot, topicRows),
    '',
    ...subscriptionLines(snapshot, room - topicRows),
  ];
  return lines.map((line) => cut(line, size.columns));
}

/** Everything, for a snapshot that scrolls. */
export function allLines(snapshot: Snapshot, title: string): string[] {
  const topics = topicLines(snapshot, Infinity);
  return [title, totalsLine(snapshot), '', ...topics, '', ...subscriptionLines(snapshot, Infinity)];
}

function totalsLine({ totals }: Snapshot): string {
  return [
    `pub ${perSecond(totals.publishedPerSecond)}/s`,
    `sent ${perSecond(totals.sentPerSecond)}/s`,
    `ack ${perSecond(totals.ackedPerSecond)}/s`,
    `backlog ${grouped(totals.backlog)}`,
    `disk ${mebibytes(totals.diskBytes)}`,
    `memory ${mebibytes(totals.residentBytes)}`,
  ].join('  ');
}

function topicLines({ topics }: Snapshot, max: number): string[] {
  const rows = topics
    .slice(0, max)
    .map(({ topic, key, keyState, publishedPerSecond }) => [
      cut(shortId(topic), nameMax),
      cut(key === '' ? "the service's own" : key, nameMax),
      keyState,
      perSecond(publishedPerSecond),
    ]);
  return [...tableLines(topicColumns, rows), ...remainder(topics.length - rows.length, 'topic')];
}

function subscriptionLines({ subscriptions }: Snapshot, max: number): string[] {
  const rows = subscriptions
    .slice(0, max)
    .map((row) => [
      cut(shortId(row.subscription), nameMax),
      row.isDetached ? '(detached)' : cut(shortId(row.topic), nameMax - 8),
      grouped(row.backlog),
      row.backlog === 0 ? '' : roughly(row.oldestSeconds * 1000),
      grouped(row.outstanding),
      perSecond(row.sentPerSecond),
      perSecond(row.ackedPerSecond),
    ]);
  const table = tableLines(subscriptionColumns, rows);
  return [...table, ...remainder(subscriptions.length - rows.length, 'subscription')];
}

const remainder = (count: number, noun: string): string[] =>
  count > 0 ? [`and ${grouped(count)} more ${noun}${count === 1 ? '' : 's'}`] : [];

/** Small rates with a digit, so that one message in a while is not nothing. */
const perSecond = (rate: number): string =>
  rate > 0 && rate < 10 ? rate.toFixed(1) : grouped(Math.round(rate));

const mebibytes = (bytes: number): string => `${grouped(Math.round(bytes / 2 ** 20))} MiB`;

function number(title: string): { title: string; isNumber: true } {
  return { title, isNumber: true };
}
