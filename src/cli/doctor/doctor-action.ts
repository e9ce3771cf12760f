import { CommandError, usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { Refusal } from '../connection/refusal.ts';
import { counted } from '../output/plain-text.ts';
import { checkServer, type ServerCheck } from './server-check.ts';
import { diagnose, diagnosisLines, findingLine, rankOf, type Diagnosis } from './diagnosis.ts';

/** Questions to the server at a time. */
const flightMax = 8;

export const doctor: Action = async ({ arguments: [resource], flags }, tools) => {
  const { api, names, out, version } = tools;
  if (resource !== undefined)
    return tell(tools, undefined, await diagnoseNamed(resource, tools), true);
  const server = await checkServer(api, version);
  const isUp = !server.findings.some(({ severity }) => severity === 'error');
  const isNamed = names.hasProject;
  const diagnoses = isUp && isNamed ? await withoutBroker(diagnoseProject(tools), tools) : [];
  if (isUp && !isNamed) {
    out.result({ server, resources: [], errorCount: 0 }, serverLines(server));
    const hint = 'Add --project ID, or set SEALPOST_PROJECT.';
    throw usageError('No project is named, so that no topic or subscription was looked at.', hint);
  }
  return tell(tools, server, diagnoses, flags.isSet('all'));
};

/** A topic, a subscription, or, by a short id, both. A subscription brings its topic's findings. */
async function diagnoseNamed(resource: string, { api, names }: Tools): Promise<Diagnosis[]> {
  const candidates = resource.includes('/')
    ? [resource.split('/')[2] === 'topics' ? names.topic(resource) : names.subscription(resource)]
    : [names.subscription(resource), names.topic(resource)];
  const diagnoses = await Promise.all(candidates.map((name) => diagnose(api, name)));
  const found = diagnoses.filter((each) => each !== undefined);
  if (found.length > 0) return found;
  throw new CommandError(`There is neither a topic nor a subscription ${resource}.`, {
    exitCode: exitCodes.notFound,
    hint: 'Look for it with: sealpost topics list, sealpost subscriptions list',
  });
}

/** A server of keys or services alone has no topic or subscription that could stand still. */
async function withoutBroker(
  asked: Promise<Diagnosis[]>,
  { out }: Pick<Tools, 'out'>,
): Promise<Diagnosis[]> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'UNIMPLEMENTED') throw error;
    out.note('It has no role broker, and so neither topics nor subscriptions.');
    return [];
  }
}

async function diagnoseProject({ api, names }: Tools): Promise<Diagnosis[]> {
  const parent = `projects/${names.project()}`;
  const topics = await api.list(`${parent}/topics`, 'topics');
  const subscriptions = await api.list(`${parent}/subscriptions`, 'subscriptions');
  const queue = [...topics, ...subscriptions].map(({ name }) => String(name));
  const diagnoses: Diagnosis[] = [];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      // What was deleted in the meantime needs no doctor.
      const diagnosis = await diagnose(api, name);
      if (diagnosis !== undefined) diagnoses.push(diagnosis);
    }
  };
  await Promise.all(Array.from({ length: flightMax }, worker));
  return diagnoses.toSorted((one, other) => rankOf(one) - rankOf(other) || byName(one, other));
}

function byName(one: Diagnosis, other: Diagnosis): number {
  const [a, b] = [one, other].map(({ subscription, topic }) => subscription ?? topic);
  return a! < b! ? -1 : 1;
}

/** Nothing was looked at, as with any other command that finds no server. */
const isAway: ReadonlySet<string> = new Set(['SERVER_UNREACHABLE', 'SERVER_NOT_READY']);

/** Prints what was found; 1 if an error is among it. */
function tell(
  { out }: Tools,
  server: ServerCheck | undefined,
  diagnoses: readonly Diagnosis[],
  isAll: boolean,
): number {
  const everything = [...(server === undefined ? [] : [server]), ...diagnoses];
  const findings = everything.flatMap((each) => each.findings);
  const errorCount = findings.filter(({ severity }) => severity === 'error').length;
  const shown = isAll ? diagnoses : diagnoses.filter((each) => rankOf(each) < 2);
  const hasLooked = diagnoses.length > 0 || !findings.some(({ reason }) => isAway.has(reason));
  const lines = [
    ...(server === undefined ? [] : serverLines(server)),
    ...shown.flatMap(diagnosisLines),
    ...(hasLooked ? [summaryLine(errorCount, findings, diagnoses.length)] : []),
  ];
  out.result(
    { ...(server === undefined ? {} : { server }), resources: diagnoses, errorCount },
    lines,
  );
  if (findings.some(({ reason }) => isAway.has(reason))) return exitCodes.unreachable;
  return errorCount > 0 ? exitCodes.failed : exitCodes.done;
}

function serverLines({ server, version, node, findings }: ServerCheck): string[] {
  const about = version === '' ? '' : ` is ready: Sealpost ${version} on Node ${node}`;
  return [`${server}${about}`, ...findings.map(findingLine)];
}

function summaryLine(
  errorCount: number,
  findings: readonly { readonly severity: string }[],
  resourceCount: number,
): string {
  const warnings = findings.filter(({ severity }) => severity === 'warning').length;
  const looked = `Looked at ${counted(resourceCount, 'resource')}`;
  if (errorCount + warnings === 0) return `${looked}: all is well.`;
  return `${looked}: ${counted(errorCount, 'error')}, ${counted(warnings, 'warning')}.`;
}
