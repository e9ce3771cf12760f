import { pubsubAgentOf, runAgentOf } from '../iam/index.ts';
import { RpcError } from '../rpc/index.ts';
import { draw } from '../runtime/index.ts';
import { argumentError, contentionError } from './kms-error.ts';
import { type KmsContext, observed } from './kms-context.ts';
import { isProjectId } from './names.ts';
import { type ProjectRecord, projectNumberTable, projectTable } from './rows/records.ts';
import { reservedProject, reservedProjectError } from './reserved-project.ts';
import { rowWrite } from './rows/sealed-rows.ts';

export interface Project {
  readonly projectId: string;
  /** 12 digits, the first not 0. */
  readonly projectNumber: string;
  readonly createTimeMs: number;
}

const numberMin = 100_000_000_000;
const numberCount = 900_000_000_000n;
const numberPattern = /^[0-9]+$/;
const attemptsMax = 10;

/** Projects come into being when first asked for; each keeps its number for ever. */
export class Projects {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /**
   * The project of that id, or of that number if it has been given out.
   *
   * @throws RpcError NOT_FOUND for an unknown number, INVALID_ARGUMENT for what is no id,
   * PERMISSION_DENIED for the service's own
   */
  get(idOrNumber: string): Promise<Project> {
    return observed(this.#context, 'GetProject', async () => {
      if (idOrNumber === reservedProject || !isProjectId(idOrNumber)) throw refusal(idOrNumber);
      const id = await knownProjectId(this.#context, idOrNumber);
      if (id === reservedProject) throw refusal(id);
      return { projectId: id, ...(await this.#allocated(id)) };
    });
  }

  /** The number of a project; what is written as a number already is one. */
  async numberOf(projectId: string): Promise<string> {
    if (numberPattern.test(projectId)) return projectId;
    if (!isProjectId(projectId)) throw refusal(projectId);
    return (await this.#allocated(projectId)).projectNumber;
  }

  /** The id of the project that is named by id or number; what is unknown stays as it is. */
  idOf(idOrNumber: string): Promise<string> {
    return projectIdOf(this.#context, idOrNumber);
  }

  /** Pub/Sub's service agent of a project. */
  async pubsubServiceAgent(projectId: string): Promise<string> {
    return pubsubAgentOf(await this.numberOf(projectId));
  }

  /** Cloud Run's service agent of a project, in its long spelling. */
  async runServiceAgent(projectId: string): Promise<string> {
    return runAgentOf(await this.numberOf(projectId));
  }

  async #allocated(projectId: string): Promise<ProjectRecord> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const row = await this.#context.rows.get(projectTable, projectId);
      if (row) return this.#numbered(projectId, row.record);
      const projectNumber = this.#drawNumber();
      const record = { projectNumber, createTimeMs: this.#context.clock.wallMs() };
      const isDone = await this.#context.rows.commit([
        rowWrite(projectTable, { id: projectId, version: 0 }, record),
        rowWrite(projectNumberTable, { id: projectNumber, version: 0 }, { projectId }),
      ]);
      if (isDone) return this.#numbered(projectId, record);
    }
    throw contentionError(`projects/${projectId}`);
  }

  /** Told each time: a write that was in doubt may have landed. */
  #numbered(projectId: string, record: ProjectRecord): ProjectRecord {
    this.#context.policies.projectNumbered(record.projectNumber, projectId);
    return record;
  }

  #drawNumber(): string {
    const bytes = draw(this.#context.entropy, 8);
    const word = new DataView(bytes.buffer).getBigUint64(0);
    return String(numberMin + Number(word % numberCount));
  }
}

/** The id of the project that is named by id or number. @throws RpcError NOT_FOUND */
export async function knownProjectId(context: KmsContext, idOrNumber: string): Promise<string> {
  if (!numberPattern.test(idOrNumber)) return idOrNumber;
  const row = await context.rows.get(projectNumberTable, idOrNumber);
  if (row) return row.record.projectId;
  throw new RpcError('NOT_FOUND', 'PROJECT_NOT_FOUND', `Project ${idOrNumber} not found.`);
}

/** The same, where a number that was never given out is an id like any other. */
export async function projectIdOf({ rows }: KmsContext, idOrNumber: string): Promise<string> {
  if (!numberPattern.test(idOrNumber)) return idOrNumber;
  return (await rows.get(projectNumberTable, idOrNumber))?.record.projectId ?? idOrNumber;
}

function refusal(project: string): RpcError {
  if (project !== reservedProject) {
    return argumentError('project_id', 'Request field project_id is not a valid project id.');
  }
  return reservedProjectError();
}
