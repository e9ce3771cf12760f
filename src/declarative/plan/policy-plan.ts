import {
  agentMember,
  agentOf,
  bindingKey,
  bindingsIn,
  merged,
  type Binding,
  type DeclaredPolicy,
} from '../document/declared-policies.ts';
import { canonicalText, newObject, textIn, type JsonObject } from '../json.ts';
import type { Change } from '../normal-form.ts';
import { statusOf, type ResourceApi } from '../resource-api.ts';
import type { Step } from './step.ts';

/** Somebody else may change a policy between our read and our write. */
const attemptsMax = 10;
const version = 3;

/** Projects' numbers, asked for once each. */
export class ProjectNumbers {
  readonly #api: ResourceApi;
  readonly #numbers: Map<string, Promise<string>> = new Map();

  constructor(api: ResourceApi) {
    this.#api = api;
  }

  of(project: string): Promise<string> {
    const known = this.#numbers.get(project);
    if (known !== undefined) return known;
    const asked = this.#api({ method: 'GET', path: `projects/${project}` });
    const number = asked.then((answer) => textIn(answer, 'projectNumber'));
    this.#numbers.set(project, number);
    return number;
  }
}

/** The step that makes a policy what is declared; undefined if it is. */
export async function policyStep(
  declared: DeclaredPolicy,
  api: ResourceApi,
  numbers: ProjectNumbers,
  isThere: boolean,
): Promise<Step | undefined> {
  const policy = { ...declared, bindings: await withAgents(declared.bindings, numbers) };
  const before = isThere ? bindingsIn(await readPolicy(api, policy.resource)) : [];
  const changes = policyChanges(before, wanted(before, policy));
  if (changes.length === 0) return undefined;
  return {
    action: 'update',
    noun: 'policy',
    name: policy.resource,
    changes,
    perform: (api) => writePolicy(api, policy),
  };
}

async function withAgents(
  bindings: readonly Binding[],
  numbers: ProjectNumbers,
): Promise<Binding[]> {
  const resolved = bindings.map(async (binding) => {
    const members = binding.members.map(async (member) => {
      const agent = agentOf(member);
      return agent === undefined
        ? member
        : agentMember(agent.service, await numbers.of(agent.project));
    });
    return { ...binding, members: await Promise.all(members) };
  });
  return merged(await Promise.all(resolved));
}

/** Cloud Resource Manager asks for a project's policy by POST, every other API by GET. */
export function readPolicy(api: ResourceApi, resource: string): Promise<JsonObject> {
  const path = `${resource}:getIamPolicy`;
  if (/^(?:projects|organizations)\/[^/]+$/.test(resource)) {
    return api({ method: 'POST', path, body: { options: { requestedPolicyVersion: version } } });
  }
  const query = { 'options.requestedPolicyVersion': String(version) };
  return api({ method: 'GET', path, query });
}

async function writePolicy(api: ResourceApi, declared: DeclaredPolicy): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const policy = await readPolicy(api, declared.resource);
    const before = bindingsIn(policy);
    const bindings = wanted(before, declared);
    if (policyChanges(before, bindings).length === 0) return;
    try {
      await api({
        method: 'POST',
        path: `${declared.resource}:setIamPolicy`,
        body: { policy: policyBody(bindings, textIn(policy, 'etag')) },
      });
      return;
    } catch (error) {
      if (statusOf(error) !== 'ABORTED' || attempt >= attemptsMax) throw error;
    }
  }
}

function policyBody(bindings: readonly Binding[], etag: string): JsonObject {
  const hasConditions = bindings.some(({ condition }) => condition !== undefined);
  return {
    bindings: bindings.map(({ role, members, condition }) =>
      newObject([
        ['role', role],
        ['members', [...members]],
        ...(condition ? [['condition', condition] as const] : []),
      ]),
    ),
    ...(hasConditions && { version }),
    ...(etag !== '' && { etag }),
  };
}

function wanted(before: readonly Binding[], declared: DeclaredPolicy): Binding[] {
  return declared.isAuthoritative
    ? [...declared.bindings]
    : merged([...before, ...declared.bindings]);
}

function policyChanges(before: readonly Binding[], after: readonly Binding[]): Change[] {
  const had = new Map(before.map((binding) => [bindingKey(binding), binding]));
  const has = new Map(after.map((binding) => [bindingKey(binding), binding]));
  return [...new Set([...had.keys(), ...has.keys()])].flatMap((key) => {
    const one = had.get(key);
    const other = has.get(key);
    const { role, condition } = (one ?? other)!;
    const path = [condition === undefined ? role : `${role} if ${textIn(condition, 'expression')}`];
    const from = one && [...one.members].toSorted();
    const to = other && [...other.members].toSorted();
    return canonicalText(from) === canonicalText(to) ? [] : [{ path, from, to }];
  });
}
