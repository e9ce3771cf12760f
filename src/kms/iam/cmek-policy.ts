import { RpcError } from '../../rpc/index.ts';
import { parseKmsName } from '../names.ts';

/** What an operator demands of the keys of resources; Google's organization policies of that name. */
export interface CmekRules {
  /** constraints/gcp.restrictNonCmekServices for Pub/Sub: no topic without a customer's key. */
  readonly requireCmek: boolean;
  /** constraints/gcp.restrictCmekCryptoKeyProjects: ids or numbers; empty: any project's keys. */
  readonly keyProjects: readonly string[];
}

/** A topic and the key that it is to have; undefined: the service's own. */
export interface KeyedResource {
  /** `projects/P/topics/T`. */
  readonly name: string;
  readonly kmsKeyName?: string | undefined;
}

/** By which a project's number is known as its id; what is unknown stays as it is. */
export interface CmekProjects {
  idOf(idOrNumber: string): Promise<string>;
}

/** A rule that a resource breaks. */
export interface CmekViolation {
  /** `constraints/gcp.restrictNonCmekServices`, say. */
  readonly constraint: string;
  readonly description: string;
}

const nonCmek = 'constraints/gcp.restrictNonCmekServices';
const keyProject = 'constraints/gcp.restrictCmekCryptoKeyProjects';
const service = 'pubsub.googleapis.com';
const hint =
  'See https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints ' +
  'for more information.';

/** Which keys resources may have. Holds for what is created or changed, never for what is there. */
export class CmekPolicy {
  readonly #rules: CmekRules;
  readonly #projects: CmekProjects;

  constructor(rules: CmekRules, projects: CmekProjects) {
    this.#rules = rules;
    this.#projects = projects;
  }

  /**
   * @throws RpcError FAILED_PRECONDITION with one violation for each rule that is broken, in the
   * shape of Google's organization policy service
   */
  async require(resource: KeyedResource, method: string): Promise<void> {
    const violations = await this.violations(resource, method);
    if (violations.length === 0) return;
    const subject = `orgpolicy:${projectOf(resource.name)}`;
    throw new RpcError(
      'FAILED_PRECONDITION',
      'ORG_POLICY_VIOLATED',
      violations.map(({ description }) => description).join(' '),
      {
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
            violations: violations.map(({ constraint, description }) => ({
              type: constraint,
              subject,
              description,
            })),
          },
        ],
      },
    );
  }

  /** What of the rules a resource breaks, as it stands or is to be made by `method`. */
  async violations(resource: KeyedResource, method: string): Promise<readonly CmekViolation[]> {
    const { name, kmsKeyName } = resource;
    const attempt = `violated for ${projectOf(name)} attempting ${method}`;
    if (kmsKeyName === undefined) {
      if (!this.#rules.requireCmek) return [];
      const what = `with \`service domain\` value set to ${service}`;
      return [
        { constraint: nonCmek, description: `Constraint ${nonCmek} ${attempt} ${what}. ${hint}` },
      ];
    }
    if (await this.#isAllowed(kmsKeyName)) return [];
    const what = `with \`KMS CryptoKey\` value set to ${kmsKeyName}`;
    return [
      {
        constraint: keyProject,
        description: `Constraint ${keyProject} ${attempt} ${what}. ${hint}`,
      },
    ];
  }

  /** What is no key's name is another check's to refuse. */
  async #isAllowed(kmsKeyName: string): Promise<boolean> {
    const { keyProjects } = this.#rules;
    const name = parseKmsName(kmsKeyName);
    if (keyProjects.length === 0 || name === null) return true;
    const project = await this.#projects.idOf(name.project);
    const allowed = await Promise.all(keyProjects.map((each) => this.#projects.idOf(each)));
    return allowed.includes(project);
  }
}

/** `projects/P` of `projects/P/topics/T`. */
function projectOf(name: string): string {
  return name.split('/').slice(0, 2).join('/');
}
