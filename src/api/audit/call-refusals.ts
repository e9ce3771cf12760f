import type { AuditEntry, AuditWriter, AuthorizationInfo } from '../../audit/index.ts';
import { askedOf, type FieldOf, policyPermission } from '../../iam/index.ts';
import { parseProjectName, type RpcError } from '../../rpc/index.ts';
import type { Access } from '../access/access.ts';
import { domainOf } from '../error-mapping.ts';
import type { ApiCall } from '../method.ts';

/** A call that was refused at the door. */
export interface RefusedCall {
  readonly rpc: string;
  readonly field: FieldOf;
  readonly call: ApiCall;
  readonly error: RpcError;
}

const nameLengthMax = 1_024;

/** Of what a caller would only have read, which is recorded where reads are. */
const readVerb = /^(?:get|list|search|view|watch|lookup|testIam)/i;
/** Uses of keys: data access that is always recorded. */
const useVerb = /^useTo/;
/** Messages, which are recorded nowhere. */
const messageVerbs: ReadonlySet<string> = new Set(['publish', 'consume']);

/** Records calls that were refused before any service saw them, which would have recorded them. */
export class CallRefusals {
  readonly #writer: AuditWriter;
  readonly #recordsReads: boolean;
  readonly #access: Access;

  constructor(writer: AuditWriter, recordsReads: boolean, access: Access) {
    this.#writer = writer;
    this.#recordsReads = recordsReads;
    this.#access = access;
  }

  /** A log that cannot be written keeps nobody from being refused. */
  async record(refused: RefusedCall): Promise<void> {
    const entry = this.#entryOf(refused);
    if (entry !== null) await this.#writer.append(entry).catch(() => undefined);
  }

  #entryOf({ rpc, field, call, error }: RefusedCall): AuditEntry | null {
    const authorization = this.#authorizationOf(rpc, field, call);
    const denied = authorization.find(({ granted }) => !granted) ?? authorization[0];
    const kind = denied && this.#kindOf(denied.permission);
    const [, id] = /^projects\/([^/]+)/.exec(denied?.resource ?? '') ?? [];
    const project = id === undefined ? undefined : parseProjectName(`projects/${id}`);
    if (denied === undefined || kind === undefined || project === undefined) return null;
    const serviceName = domainOf(rpc);
    const { callerIp, userAgent, principal } = call;
    return {
      kind,
      project,
      serviceName,
      methodName: methodNameOf(rpc, serviceName),
      resourceName: denied.resource,
      resource: {
        type: 'audited_resource',
        labels: { project_id: project, service: serviceName, method: rpc },
      },
      caller: {
        principalEmail: principal.email,
        ...(callerIp !== undefined && { callerIp }),
        ...(userAgent !== undefined && { userAgent }),
      },
      authorization,
      status: { code: error.code, message: error.message.slice(0, nameLengthMax) },
    };
  }

  #authorizationOf(rpc: string, field: FieldOf, { principal }: ApiCall): AuthorizationInfo[] {
    const demands = this.#access.ruleOf(rpc)?.demands ?? [];
    return demands
      .flatMap((demand) => askedOf(demand, field, { topicOf: () => undefined }))
      .map(({ permission: wanted, resource }) => {
        const permission = wanted.startsWith('*.')
          ? policyPermission(resource, wanted.slice(2))
          : wanted;
        const granted = this.#access.isGranted(principal, permission, resource);
        return { resource: resource.slice(0, nameLengthMax), permission, granted };
      });
  }

  /** Undefined: not recorded. */
  #kindOf(permission: string): AuditEntry['kind'] | undefined {
    const verb = permission.slice(permission.lastIndexOf('.') + 1);
    if (messageVerbs.has(verb)) return undefined;
    if (useVerb.test(verb)) return 'data_access';
    if (!readVerb.test(verb)) return 'activity';
    return this.#recordsReads ? 'data_access' : undefined;
  }
}

/** The key service's log names methods by their short names, as Google's does. */
function methodNameOf(rpc: string, serviceName: string): string {
  return serviceName === 'cloudkms.googleapis.com' ? rpc.slice(rpc.lastIndexOf('.') + 1) : rpc;
}
