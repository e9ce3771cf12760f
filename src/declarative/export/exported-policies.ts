import { accountEmail } from '../../rpc/index.ts';
import { agentMember, bindingsIn, type AgentService } from '../document/declared-policies.ts';
import { canonicalText, newObject, type Json, type JsonObject } from '../json.ts';
import { readPolicy, type ProjectNumbers } from '../plan/policy-plan.ts';
import { statusOf, type ResourceApi } from '../resource-api.ts';

const services: readonly AgentService[] = ['pubsub', 'run'];

/** Policies as a document says them: agents by their projects, as numbers differ elsewhere. */
export class ExportedPolicies {
  readonly #api: ResourceApi;
  /** Agents' members, and what a document calls them. */
  readonly #agents: ReadonlyMap<
    string,
    { readonly service: AgentService; readonly project: string }
  >;

  static async for(
    projects: readonly string[],
    numbers: ProjectNumbers,
    api: ResourceApi,
  ): Promise<ExportedPolicies> {
    const agents = new Map<string, { service: AgentService; project: string }>();
    for (const project of projects) {
      const number = await numbers.of(project);
      for (const service of services)
        agents.set(agentMember(service, number), { service, project });
    }
    return new ExportedPolicies(api, agents);
  }

  private constructor(
    api: ResourceApi,
    agents: ReadonlyMap<string, { readonly service: AgentService; readonly project: string }>,
  ) {
    this.#api = api;
    this.#agents = agents;
  }

  /** Undefined if nobody is bound. */
  async of(resource: string, project: string): Promise<JsonObject | undefined> {
    const bindings = bindingsIn(await this.#read(resource)).map(({ role, members, condition }) =>
      newObject([
        ['role', role],
        ['members', members.map((member) => this.#shortMember(member, project)).toSorted()],
        ...(condition ? [['condition', condition] as const] : []),
      ]),
    );
    if (bindings.length === 0) return undefined;
    return { bindings: bindings.toSorted(byText) };
  }

  async #read(resource: string): Promise<JsonObject> {
    try {
      return await readPolicy(this.#api, resource);
    } catch (error) {
      if (statusOf(error) === 'NOT_FOUND') return {};
      throw error;
    }
  }

  #shortMember(member: string, project: string): string {
    const agent = this.#agents.get(member);
    if (agent !== undefined) {
      const owner = agent.project === project ? '' : `@${agent.project}`;
      return `serviceAgent:${agent.service}${owner}`;
    }
    const suffix = accountEmail('', project);
    return project !== '' && member.startsWith('serviceAccount:') && member.endsWith(suffix)
      ? member.slice(0, -suffix.length)
      : member;
  }
}

function byText(one: Json, other: Json): number {
  return canonicalText(one) < canonicalText(other) ? -1 : 1;
}
