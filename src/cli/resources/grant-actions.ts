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

export const grantKey: Action = async (call, tools) => {
  const { key, project, member } = await readParties(call, tools);
  const isNew = await changePolicy(tools.api, key, (bindings) => withMember(bindings, member));
  const agent = member.slice(member.indexOf(':') + 1);
  tools.out.result({ key, project, member, role, changed: isNew }, [
    isNew
      ? `Topics of ${project} may use ${shortKey(key)}: ${agent} is bound to it.`
      : `Topics of ${project} could use ${shortKey(key)} already: ${agent} is bound to it.`,
    `Next: sealpost topics create NAME --key ${call.arguments[0]!} --project ${project}`,
  ]);
};

export const revokeKey: Action = async (call, tools) => {
  const { key, project, member } = await readParties(call, tools);
  const wasBound = await changePolicy(tools.api, key, (bindings) =>
    withoutMember(bindings, member),
  );
  tools.out.result({ key, project, member, role, changed: wasBound }, [
    wasBound
      ? `Topics of ${project} may use ${shortKey(key)} no more: their publish and delivery stop.`
      : `Topics of ${project} had no binding on ${shortKey(key)}; one on its ring may still hold.`,
    `Undo: sealpost keys grant ${call.arguments[0]!} --project ${project}`,
  ]);
};

/** The key, whose topics are meant, and that project's Pub/Sub service agent. */
async function readParties(
  call: Call,
  { api, names }: Tools,
): Promise<{ key: string; project: string; member: string }> {
  const key = names.key(call.arguments[0] ?? '');
  const project = names.projectOr(key.split('/')[1]!);
  const { projectNumber } = await api.get(`projects/${project}`);
  const agent = `service-${String(projectNumber)}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  return { key, project, member: `serviceAccount:${agent}` };
}

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

function withMember(bindings: readonly Binding[], member: string): readonly Binding[] | null {
  const mine = bindings.find((binding) => binding.role === role);
  if (mine?.members?.includes(member) === true) return null;
  const others = bindings.filter((binding) => binding !== mine);
  return [...others, { role, members: [...(mine?.members ?? []), member] }];
}

function withoutMember(bindings: readonly Binding[], member: string): readonly Binding[] | null {
  const isMine = (binding: Binding): boolean =>
    binding.role === role && binding.members?.includes(member) === true;
  if (!bindings.some(isMine)) return null;
  return bindings
    .map((binding) =>
      isMine(binding)
        ? { ...binding, members: binding.members!.filter((each) => each !== member) }
        : binding,
    )
    .filter(({ members }) => members === undefined || members.length > 0);
}
