import type { Clock } from '../runtime/index.ts';
import type { AccessRule, FieldOf } from './access-rule.ts';
import type { Authorizer } from './authorizer.ts';
import { askedOf } from './demands.ts';
import { answerOf } from './grants.ts';
import { canonicalMember, identitiesOf } from './members.ts';
import { accessRuleOf } from './methods/method-table.ts';
import type { PolicySource, ResourceDirectory } from './policy-source.ts';
import { operator, type Principal } from './principal.ts';
import { refusalError, unlistedError } from './refusals.ts';
import { type Resource, resourceOf } from './resource.ts';

export interface AuthorizerOptions {
  readonly policies: PolicySource;
  readonly directory: ResourceDirectory;
  /** Members that may do everything, whatever any policy says: nobody can lock them out. */
  readonly admins: readonly string[];
  readonly clock: Clock;
}

/** Decisions of one principal that are kept until a policy changes. */
const keptMax = 1_000;
/** And of all: an account shows any number of tokens, each of which is a principal. */
const keptInAllMax = 100_000;
/** Of a permission and a name: no resource has a longer one, but a request may hold megabytes. */
const keptKeyLengthMax = 512;

interface Known {
  readonly identities: ReadonlySet<string>;
  readonly isAdmin: boolean;
  readonly decisions: Map<string, boolean>;
}

/** Decides by policies in memory, those of a resource and of all above it. */
export class PolicyAuthorizer implements Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #admins: ReadonlySet<string>;
  #known: WeakMap<Principal, Known> = new WeakMap();
  /** Since all were forgotten last. */
  #keptCount = 0;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#admins = new Set(options.admins.map(canonicalMember));
    options.policies.onChange(() => this.#forget());
  }

  require(principal: Principal, rpc: string, field: FieldOf): void {
    if (principal === operator) return;
    const rule = accessRuleOf(rpc);
    if (rule === undefined) {
      if (this.#knownOf(principal).isAdmin) return;
      throw unlistedError(rpc);
    }
    for (const demand of rule.demands) {
      for (const asked of askedOf(demand, field, this.#options.directory)) {
        this.#requireOne(principal, rpc, asked.permission, asked.resource);
      }
    }
  }

  isGranted(principal: Principal, permission: string, resource: string): boolean {
    if (principal === operator) return true;
    return this.#decide(principal, permission, this.#resourceOf(resource));
  }

  ruleOf(rpc: string): AccessRule | undefined {
    return accessRuleOf(rpc);
  }

  onChange(listener: () => void): () => void {
    return this.#options.policies.onChange(listener);
  }

  #requireOne(principal: Principal, rpc: string, wanted: string, name: string): void {
    const resource = this.#resourceOf(name);
    const permission = permissionOf(wanted, resource);
    if (this.#decide(principal, permission, resource)) return;
    throw refusalError({ rpc, permission, resource: name });
  }

  #resourceOf(name: string): Resource {
    const { policies } = this.#options;
    return resourceOf(name, (project) => policies.projectIdOf(project));
  }

  #decide(principal: Principal, permission: string, resource: Resource): boolean {
    const known = this.#knownOf(principal);
    if (known.isAdmin) return true;
    const uid = this.#options.directory.uidOf(resource.name) ?? '';
    const key = `${permission} ${uid} ${resource.name}`;
    const kept = known.decisions.get(key);
    if (kept !== undefined) return kept;
    const { isGranted, dependsOnTime } = this.#ask(known, permission, resource, uid);
    if (!dependsOnTime && key.length <= keptKeyLengthMax) this.#keep(known, key, isGranted);
    return isGranted;
  }

  #keep({ decisions }: Known, key: string, isGranted: boolean): void {
    if (decisions.size >= keptMax) decisions.clear();
    decisions.set(key, isGranted);
    if (++this.#keptCount >= keptInAllMax) this.#forget();
  }

  #forget(): void {
    this.#known = new WeakMap();
    this.#keptCount = 0;
  }

  #ask(
    { identities }: Known,
    permission: string,
    resource: Resource,
    uid: string,
  ): { readonly isGranted: boolean; readonly dependsOnTime: boolean } {
    const { policies, clock } = this.#options;
    const question = { permission, identities, resource, timeMs: clock.wallMs() };
    let dependsOnTime = false;
    for (const name of resource.policies) {
      const policy = policies.policyOf(name);
      if (policy === undefined || (policy.uid !== undefined && policy.uid !== uid)) continue;
      const answer = answerOf(policy.bindings, question);
      dependsOnTime ||= answer.dependsOnTime;
      if (answer.isGranted) return { isGranted: true, dependsOnTime };
    }
    return { isGranted: false, dependsOnTime };
  }

  #knownOf(principal: Principal): Known {
    const known = this.#known.get(principal);
    if (known !== undefined) return known;
    const identities = identitiesOf(principal.member, principal.groups);
    const isAdmin = [...identities].some((identity) => this.#admins.has(identity));
    const made = { identities, isAdmin, decisions: new Map<string, boolean>() };
    this.#known.set(principal, made);
    return made;
  }
}

/** `*.getIamPolicy` is that of the resource's kind. */
function permissionOf(wanted: string, { collection }: Resource): string {
  return wanted.startsWith('*.') ? collection + wanted.slice(1) : wanted;
}
