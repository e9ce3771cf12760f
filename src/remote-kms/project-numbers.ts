import { create } from '@bufbuild/protobuf';

import { GetProjectNumberRequestSchema, KeyWatch } from '../proto/sealpost/v1/key_watch_pb.ts';
import { RpcError } from '../rpc/index.ts';
import type { KmsChannel } from './kms-channel.ts';
import { callDeadlineMs } from './remote-limits.ts';

/** Projects that are remembered; beyond it they are asked for again. */
const projectsMax = 10_000;

/** Project numbers as configuration gives them, else as a Sealpost key service knows them. */
export class ProjectNumbers {
  readonly #channel: Pick<KmsChannel, 'unary'>;
  readonly #known: Map<string, string>;

  constructor(channel: Pick<KmsChannel, 'unary'>, configured: ReadonlyMap<string, string>) {
    this.#channel = channel;
    this.#known = new Map(configured);
  }

  /**
   * The number of a project; what is a number already is its own.
   *
   * @throws RpcError FAILED_PRECONDITION if nobody knows it; as the key service answers
   */
  async numberOf(projectId: string): Promise<string> {
    if (/^[0-9]+$/.test(projectId)) return projectId;
    const known = this.#known.get(projectId);
    if (known !== undefined) return known;
    const number = await this.#ask(projectId);
    if (this.#known.size < projectsMax) this.#known.set(projectId, number);
    return number;
  }

  async #ask(projectId: string): Promise<string> {
    try {
      const { getProjectNumber } = KeyWatch.method;
      const request = create(GetProjectNumberRequestSchema, { projectId });
      return (await this.#channel.unary(getProjectNumber, request, callDeadlineMs)).projectNumber;
    } catch (error) {
      const isNoSealpost = error instanceof RpcError && error.code === 'UNIMPLEMENTED';
      throw isNoSealpost ? unknownNumber(projectId) : error;
    }
  }
}

function unknownNumber(projectId: string): RpcError {
  return new RpcError(
    'FAILED_PRECONDITION',
    'PROJECT_NUMBER_UNKNOWN',
    `The number of project ${projectId}, which names its service agent, is not known: start the ` +
      `broker with --project-number ${projectId}=NUMBER.`,
  );
}
