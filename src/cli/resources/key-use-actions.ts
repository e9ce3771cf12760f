import { pause } from '../../runtime/index.ts';
import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { Refusal } from '../connection/refusal.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { counted } from '../output/plain-text.ts';
import { tableLines } from '../output/table.ts';

const lookMs = 500;
const versionPath = '/cryptoKeyVersions/';

/** As GET /sealpost/v1/KEY:use has it. */
interface VersionUse extends Json {
  readonly name: string;
  readonly dekCount: number;
  readonly spareDekCount: number;
  readonly messageCount: number;
  readonly byteCount: number;
  readonly latestExpiryTime?: string;
  readonly topics: readonly { readonly topic: string; readonly messageCount: number }[];
  /** Of Cloud Run, whose images it needs. */
  readonly services?: readonly string[];
}

/** A key, or a version of it: `RING/KEY`, with `--version` or the full name of a version. */
function nameOf({ arguments: [text = ''], flags }: Call, { names }: Tools): string {
  const [key = '', ofName] = text.split(versionPath);
  const version = ofName ?? flags.text('version');
  if (version === undefined) return names.key(key);
  if (/^[1-9]\d{0,8}$/.test(version)) return `${names.key(key)}${versionPath}${version}`;
  throw usageError(`"${version}" is no number of a version.`);
}

export const showUsage: Action = async (call, tools) => {
  const { api, out } = tools;
  const name = nameOf(call, tools);
  const answer = await api.get(`sealpost/v1/${name}:use`);
  const states = await statesOf(tools, name.split(versionPath)[0]!);
  const uses = answer['versions'] as readonly VersionUse[];
  const versions = uses.map((use) => ({ ...use, state: states.get(use.name) ?? '' }));
  if (out.isJson) return out.json({ name, versions });
  if (versions.length === 0) return out.note(`Nothing that is stored depends on ${name}.`);
  for (const line of tableLines(columns, versions.map(rowOf))) out.line(line);
  for (const { name: version, topics, services = [] } of versions) {
    for (const service of services) out.line(`version ${shortId(version)}: ${service}: its images`);
    const needed = topics.filter(({ messageCount }) => messageCount > 0);
    for (const { topic, messageCount } of needed) {
      out.line(`version ${shortId(version)}: ${topic}: ${counted(messageCount, 'message')}`);
    }
  }
};

const columns = [
  { title: 'VERSION' },
  { title: 'STATE' },
  { title: 'DEKS', isNumber: true },
  { title: 'SPARE', isNumber: true },
  { title: 'MESSAGES', isNumber: true },
  { title: 'BYTES', isNumber: true },
  { title: 'TOPICS', isNumber: true },
  { title: 'LATEST EXPIRY' },
];

const rowOf = (use: VersionUse & { readonly state: string }): string[] => [
  shortId(use.name),
  use.state,
  String(use.dekCount),
  String(use.spareDekCount),
  String(use.messageCount),
  String(use.byteCount),
  String(use.topics.filter(({ messageCount }) => messageCount > 0).length),
  use.latestExpiryTime ?? '',
];

/** Where the keys are another service's, their states are not known here. */
async function statesOf({ api }: Tools, key: string): Promise<Map<string, string>> {
  try {
    const versions = await api.list(`${key}/cryptoKeyVersions`, 'cryptoKeyVersions');
    return new Map(versions.map((each) => [textIn(each, 'name'), textIn(each, 'state')]));
  } catch (error) {
    if (error instanceof Refusal) return new Map();
    throw error;
  }
}

/** As GET /sealpost/v1/KEY:rewrap has it. */
interface Progress extends Json {
  readonly state: 'running' | 'waiting' | 'done' | 'failed';
  readonly done: number;
  readonly total: number;
  readonly moved: number;
  readonly refused: number;
  readonly error?: { readonly reason: string; readonly message: string };
  readonly topics: readonly { readonly topic: string; readonly done: number }[];
}

export const rewrap: Action = async (call, tools) => {
  const { api, names } = tools;
  const key = names.key(call.arguments[0] ?? '');
  const path = `sealpost/v1/${key}:rewrap`;
  if (call.flags.isSet('status')) return tell(tools, key, (await api.get(path)) as Progress);
  const [from, to] = [call.flags.text('from'), call.flags.text('to-key')];
  const first = await api.post(path, {
    ...(from === undefined ? {} : { from: `${key}${versionPath}${from}` }),
    ...(to === undefined ? {} : { to: names.key(to) }),
  });
  if (call.flags.isSet('no-wait')) return tell(tools, key, first as Progress);
  return tell(tools, key, await followed(tools, path, first as Progress));
};

/** Until its end, or until Ctrl-C, which leaves the server at it. */
async function followed(tools: Tools, path: string, first: Progress): Promise<Progress> {
  const { api, clock, terminal, out } = tools;
  const stop = terminal.stopSignal();
  const isLive = terminal.stderr.isTTY;
  let progress = first;
  while (isUnderWay(progress) && !stop.aborted) {
    if (isLive) terminal.stderr.write(`\r\u{1b}[K${progressLine(progress)}`);
    await pause(clock, lookMs, stop);
    progress = (await api.get(path)) as Progress;
  }
  if (isLive) terminal.stderr.write('\r\u{1b}[K');
  if (isUnderWay(progress)) out.note('It goes on in the server: --status tells how far it is.');
  return progress;
}

const isUnderWay = ({ state }: Progress): boolean => state === 'running' || state === 'waiting';

function progressLine({ done, total, state, error, topics }: Progress): string {
  const now = topics.findLast((topic) => topic.done > 0)?.topic ?? '';
  if (state !== 'waiting') return `${done} of ${total} DEKs ${now}`;
  return `${done} of ${total} DEKs; the key service cannot be reached: ${error?.message ?? ''}`;
}

function tell({ out }: Tools, key: string, progress: Progress): number {
  const { state, done, total, moved, refused, error } = progress;
  const why = error === undefined ? [] : [`${error.reason}: ${error.message}`];
  const counts = `${moved} moved, ${refused} refused, ${done} of ${total} done`;
  out.result(progress, [`Rewrap of ${shortKey(key)}: ${state}; ${counts}.`, ...why]);
  return state === 'failed' || refused > 0 ? exitCodes.failed : exitCodes.done;
}

const method = 'sealpost.v1.EraseDataEncryptionKey';
const receiptsPerPage = 1_000;

/** An entry of the audit log that is an erasure receipt. */
interface Receipt extends Json {
  readonly dekId: string;
  readonly topic: string;
  readonly kekVersion: string;
  readonly wrappedSha256: string;
  readonly createTime: string;
  readonly eraseTime: string;
  readonly sealedMessageCount?: number;
}

export const listReceipts: Action = async ({ flags }, { api, names, out }) => {
  const topic = flags.text('topic');
  const name = topic === undefined ? undefined : names.topic(topic);
  const project = name === undefined ? names.project() : name.split('/')[1]!;
  const filter = [
    `logName="projects/${project}/logs/cloudaudit.googleapis.com%2Fsystem_event"`,
    `protoPayload.methodName="${method}"`,
    ...(name === undefined ? [] : [`protoPayload.resourceName="${name}"`]),
  ].join(' AND ');
  const receipts: Receipt[] = [];
  let pageToken: string | undefined;
  do {
    const body = { resourceNames: [`projects/${project}`], filter, pageSize: receiptsPerPage };
    const page = await api.post('v2/entries:list', { ...body, pageToken: pageToken ?? '' });
    receipts.push(...((page['entries'] ?? []) as Json[]).map(receiptOf));
    pageToken = textIn(page, 'nextPageToken');
  } while (pageToken !== '');
  const titles = ['ERASED', 'TOPIC', 'DEK', 'KEY VERSION', 'MESSAGES', 'SHA-256 OF WRAPPED'];
  out.list(
    receipts,
    titles.map((title) => ({ title })),
    receiptRow,
    'No DEK was erased, as far as the audit log is kept.',
  );
};

function receiptOf(entry: Json): Receipt {
  const { metadata } = entry['protoPayload'] as { readonly metadata: Receipt };
  return metadata;
}

const receiptRow = (receipt: Receipt): string[] => [
  receipt.eraseTime,
  shortId(receipt.topic),
  shortId(receipt.dekId),
  receipt.kekVersion,
  receipt.sealedMessageCount === undefined ? 'unknown' : String(receipt.sealedMessageCount),
  receipt.wrappedSha256,
];
