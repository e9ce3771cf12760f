import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { Refusal } from '../connection/refusal.ts';
import { shortKey } from '../connection/resource-names.ts';
import type { RestApi } from '../connection/rest-api.ts';

const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
/** Somebody else may change the policy between our read and our write; then its etag is stale. */
const attemptsMax = 5;

interface Binding {
  readonly role: string;
  readonly members?: readonly string[];
}

type ServiceId = 'pubsub' | 'run';

/** What of a project uses keys by an agent of its own. */
interface UsingService {
  readonly noun: string;
  /** Every spelling of the agent; the first is the one that is bound. */
  readonly agents: (projectNumber: string) => readonly [string, ...string[]];
  /** What no longer happens without the key. */
  readonly loss: string;
  readonly next: (key: string, project: string) => string;
}

const services: Readonly<Record<ServiceId, UsingService>> = {
  pubsub: {
    noun: 'Topics',
    agents: (number) => [`service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`],
    loss: 'their publish and delivery stop',
    next: (key, project) => `sealpost topics create NAME --key ${key} --project ${project}`,
  },
  run: {
    noun: 'Services',
    agents: (number) => [
      `${number}@serverless-robot-prod.iam.gserviceaccount.com`,
      `service-${number}@serverless-robot-prod.iam.gserviceaccount.com`,
    ],
    loss: 'no instance of theirs starts, and those with shut-down are stopped after their hours',
    next: (key, project) =>
      `sealpost run deploy NAME --image IMAGE --key ${key} --project ${project}`,
  },
};

interface Parties {
  readonly key: string;
  readonly project: string;
  readonly service: UsingService;
  readonly members: readonly [string, ...string[]];
  /** The words of the command line that name all of them. */
  readonly words: string;
}

export const grantKey: Action = async (call, tools) => {
  const { key, project, service, members } = await readParties(call, tools);
  const isNew = await changePolicy(tools.api, key, (bindings) => withMember(bindings, members));
  const [member] = members;
  const agent = member.slice(member.indexOf(':') + 1);
  tools.out.result({ key, project, member, role, changed: isNew }, [
    isNew
      ? `${service.noun} of ${project} may use ${shortKey(key)}: ${agent} is bound to it.`
      : `${service.noun} of ${project} could use ${shortKey(key)} already: ${agent} is bound to it.`,
    `Next: ${service.next(call.arguments[0]!, project)}`,
  ]);
};

export const revokeKey: Action = async (call, tools) => {
  const { key, project, service, members, words } = await readParties(call, tools);
  const wasBound = await changePolicy(tools.api, key, (bindings) =>
    withoutMembers(bindings, members),
  );
  const { noun, loss } = service;
  tools.out.result({ key, project, member: members[0], role, changed: wasBound }, [
    wasBound
      ? `${noun} of ${project} may use ${shortKey(key)} no more: ${loss}.`
      : `${noun} of ${project} had no binding on ${shortKey(key)}; one on its ring may still hold.`,
    `Undo: sealpost keys grant ${words}`,
  ]);
};

/** The key, whose topics or services are meant, and that project's service agent. */
async function readParties(call: Call, { api, names }: Tools): Promise<Parties> {
  const [text = ''] = call.arguments;
  const key = names.key(text);
  const project = names.projectOr(key.split('/')[1]!);
  const { projectNumber } = await api.get(`projects/${project}`);
  const id = call.flags.text('service') ?? 'pubsub';
  const service = services[id as ServiceId];
  const [bound, ...others] = service.agents(String(projectNumber));
  return {
    key,
    project,
    service,
    members: [memberOf(bound), ...others.map(memberOf)],
    words: `${text} --project ${project}${id === 'pubsub' ? '' : ` --service ${id}`}`,
  };
}

const memberOf = (agent: string): string => `serviceAccount:${agent}`;

/** Read, change, write with the etag of what was read; false if nothing is to be changed. */
async function changePolicy(
  api: RestApi,
  key: string,
  change: (bindings: readonly Binding[]) => readonly Binding[] | null,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const { etag, bindings = [] } = await api.get(`${key}:getIamPolicy`);
    const changed = change(bindings as Binding[]);
    if (changed === null) return false;
    try {
      await api.post(`${key}:setIamPolicy`, { policy: { etag, bindings: changed } });
      return true;
    } catch (error) {
      const isStale = error instanceof Refusal && error.code === 'ABORTED';
      if (!isStale || attempt === attemptsMax) throw error;
    }
  }
}

function withMember(
  bindings: readonly Binding[],
  members: Parties['members'],
): readonly Binding[] | null {
  const mine = bindings.find((binding) => binding.role === role);
  if (mine?.members?.some((member) => members.includes(member)) === true) return null;
  const others = bindings.filter((binding) => binding !== mine);
  return [...others, { role, members: [...(mine?.members ?? []), members[0]] }];
}

function withoutMembers(
  bindings: readonly Binding[],
  members: readonly string[],
): readonly Binding[] | null {
  const isMine = (binding: Binding): boolean =>
    binding.role === role && members.some((member) => binding.members?.includes(member) === true);
  if (!bindings.some(isMine)) return null;
  return bindings
    .map((binding) =>
      isMine(binding)
        ? { ...binding, members: binding.members!.filter((each) => !members.includes(each)) }
        : binding,
    )
    .filter(({ members: left }) => left === undefined || left.length > 0);
}
