import { nearestName, parseAccountEmail } from '../../rpc/index.ts';
import type { Declaration } from '../document/declaration.ts';
import type { DeclaredPolicy, PlacedBinding } from '../document/declared-policies.ts';
import type { Problem } from '../document/problem.ts';
import { listIn, textIn, type JsonObject } from '../json.ts';
import { unlessUnanswered, type ResourceApi } from '../resource-api.ts';

/** What is wrong with a document's policies, as far as a server can tell before they are set. */
export interface PolicyFindings {
  readonly problems: readonly Problem[];
  /** Bindings that can be set and do nothing. */
  readonly warnings: readonly Problem[];
}

/** Roles, conditions and members of policies, held against a server. */
export class PolicyChecks {
  readonly #declaration: Declaration;
  readonly #api: ResourceApi;
  readonly #isKnown: (name: string) => Promise<boolean>;
  readonly #lints: Map<string, Promise<string>> = new Map();
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];

  /** `isKnown`: whether a resource is declared, or on the server. */
  constructor(
    declaration: Declaration,
    api: ResourceApi,
    isKnown: (name: string) => Promise<boolean>,
  ) {
    this.#declaration = declaration;
    this.#api = api;
    this.#isKnown = isKnown;
  }

  async run(): Promise<PolicyFindings> {
    const bindings = this.#declaration.policies.flatMap(({ places }: DeclaredPolicy) => places);
    const roles = bindings.length === 0 ? undefined : await this.#knownRoles();
    for (const binding of bindings) {
      if (roles !== undefined) this.#checkRole(binding, roles);
      await this.#checkCondition(binding);
      await this.#checkMembers(binding);
    }
    return { problems: this.#problems, warnings: this.#warnings };
  }

  async #knownRoles(): Promise<string[] | undefined> {
    const answer = await unlessUnanswered(this.#api({ method: 'GET', path: 'roles' }));
    if (answer === undefined || answer === null) return undefined;
    return (listIn(answer, 'roles') as JsonObject[]).map((role) => textIn(role, 'name'));
  }

  #checkRole({ role, path }: PlacedBinding, known: readonly string[]): void {
    const { places } = this.#declaration;
    // A role of `roles:` of an account is its own place.
    const at = path.includes('bindings') ? [...path, 'role'] : path;
    if (!role.startsWith('roles/')) {
      const message = `${role} is a custom role, which grants nothing here`;
      this.#warnings.push(places.problem(at, message));
    } else if (!known.includes(role)) {
      const near = nearestName(role, known);
      const meant = near === undefined ? '' : `: did you mean ${near}?`;
      this.#problems.push(places.problem(at, `${role} is no role that is known here${meant}`));
    }
  }

  async #checkCondition({ condition, path }: PlacedBinding): Promise<void> {
    if (condition === undefined) return;
    const message = await this.#lint(textIn(condition, 'expression'));
    if (message === '') return;
    const at = [...path, 'condition', 'expression'];
    this.#problems.push(this.#declaration.places.problem(at, message));
  }

  /** What is wrong with an expression; asked for once. */
  #lint(expression: string): Promise<string> {
    const known = this.#lints.get(expression);
    if (known !== undefined) return known;
    const body = { condition: { expression } };
    const asked = this.#api({ method: 'POST', path: 'iamPolicies:lintPolicy', body });
    const message = unlessUnanswered(asked).then((answer) => {
      const [result] = listIn(answer ?? {}, 'lintResults') as JsonObject[];
      return result === undefined ? '' : textIn(result, 'debugMessage');
    });
    this.#lints.set(expression, message);
    return message;
  }

  /** Accounts of the document's projects must be there; what others have is theirs to know. */
  async #checkMembers({ members, path }: PlacedBinding): Promise<void> {
    for (const [at, member] of members.entries()) {
      const email = /^serviceAccount:(.+)$/.exec(member)?.[1] ?? '';
      const account = parseAccountEmail(email);
      if (account === undefined || !this.#declaration.projects.includes(account.project)) continue;
      if (await this.#isKnown(`projects/${account.project}/serviceAccounts/${email}`)) continue;
      const message = `names the account ${email}, which is neither here nor on the server`;
      const place = [...path, 'members', String(at)];
      this.#problems.push(this.#declaration.places.problem(place, message));
    }
  }
}
