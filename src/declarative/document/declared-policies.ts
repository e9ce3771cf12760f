import { accountEmail } from '../../rpc/index.ts';
import {
  canonicalText,
  listIn,
  newObject,
  objectIn,
  textIn,
  textsIn,
  type JsonObject,
} from '../json.ts';
import type { Path } from './problem.ts';

/** One role, under one condition or none, and who has it. */
export interface Binding {
  readonly role: string;
  readonly members: readonly string[];
  /** expression, title, description: those that are set. */
  readonly condition?: JsonObject;
}

/** A binding as it stands in a document. */
export interface PlacedBinding extends Binding {
  readonly path: Path;
}

export interface DeclaredPolicy {
  /** Full name; `organizations/sealpost` for the server. */
  readonly resource: string;
  readonly bindings: readonly Binding[];
  /** The same, one for each place of the document: with a member for each that stands there. */
  readonly places: readonly PlacedBinding[];
  /** Whether what is not among them is removed. */
  readonly isAuthoritative: boolean;
  readonly project: string;
  readonly path: Path;
}

/** A binding of a document: accounts of the project by their emails. */
export function placedBinding(binding: JsonObject, project: string, path: Path): PlacedBinding {
  const members = textsIn(binding, 'members').map((member) => fullMember(member, project));
  return {
    ...bindingFrom(textIn(binding, 'role'), members, objectIn(binding, 'condition')),
    path,
  };
}

/** Each role named once. */
export function bindingsAt(places: readonly PlacedBinding[]): Binding[] {
  return merged(
    places.map(({ role, members, condition }) => ({
      role,
      members,
      ...(condition && { condition }),
    })),
  );
}

/** Bindings of an API's policy. */
export function bindingsIn(policy: JsonObject): Binding[] {
  return merged(
    (listIn(policy, 'bindings') as JsonObject[]).map((binding) =>
      bindingFrom(
        textIn(binding, 'role'),
        textsIn(binding, 'members'),
        objectIn(binding, 'condition'),
      ),
    ),
  );
}

function bindingFrom(role: string, members: readonly string[], given: JsonObject): Binding {
  const condition = newObject(
    ['expression', 'title', 'description']
      .filter((name) => textIn(given, name) !== '')
      .map((name) => [name, given[name]!] as const),
  );
  return { role, members, ...(Object.keys(condition).length > 0 && { condition }) };
}

/** What makes two bindings one. */
export const bindingKey = ({ role, condition }: Binding): string =>
  JSON.stringify([role, canonicalText(condition)]);

/** Each role and condition once, its members once. */
export function merged(bindings: readonly Binding[]): Binding[] {
  const byKey = new Map<string, Binding>();
  for (const binding of bindings) {
    const before = byKey.get(bindingKey(binding))?.members ?? [];
    const members = [...new Set([...before, ...binding.members])];
    byKey.set(bindingKey(binding), { ...binding, members });
  }
  return [...byKey.values()].filter(({ members }) => members.length > 0);
}

const ownAccount = /^serviceAccount:([^@\s]+)$/;
const agent = /^serviceAgent:(pubsub|run)(?:@(.+))?$/;

function fullMember(member: string, project: string): string {
  const [, account] = ownAccount.exec(member) ?? [];
  if (account !== undefined) return `serviceAccount:${accountEmail(account, project)}`;
  const [, service, owner = project] = agent.exec(member) ?? [];
  return service === undefined ? member : `serviceAgent:${service}@${owner}`;
}

/** The service and the project of `serviceAgent:pubsub@shop`; undefined if it is another member. */
export function agentOf(
  member: string,
): { readonly service: AgentService; readonly project: string } | undefined {
  const [, service, project] = agent.exec(member) ?? [];
  if (service === undefined || project === undefined) return undefined;
  return { service: service as AgentService, project };
}

export type AgentService = 'pubsub' | 'run';

/** The member that a service's agent is, by its project's number. */
export function agentMember(service: AgentService, projectNumber: string): string {
  return service === 'pubsub'
    ? `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`
    : `serviceAccount:${projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`;
}
