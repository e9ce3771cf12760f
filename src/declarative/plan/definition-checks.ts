import type { DeclaredResource } from '../document/declared-resources.ts';
import type { Path } from '../document/problem.ts';
import { listIn, type JsonObject } from '../json.ts';
import { statusOf, unlessUnanswered, type ResourceApi } from '../resource-api.ts';

/** What a server says of a part of a resource. */
export interface Refused {
  /** Below the resource. */
  readonly path: Path;
  readonly message: string;
}

/** Definitions and transforms of a resource that its server would not take. Makes nothing. */
export async function refusedDefinitions(
  { kind, project, fields }: DeclaredResource,
  api: ResourceApi,
): Promise<Refused[]> {
  const parent = `projects/${project}`;
  if (kind === 'schema') {
    const message = await refusal(api, `${parent}/schemas:validate`, { schema: fields });
    return message === undefined ? [] : [{ path: ['definition'], message }];
  }
  const refused: Refused[] = [];
  for (const [at, transform] of listIn(fields, 'messageTransforms').entries()) {
    const body = { messageTransform: transform };
    const message = await refusal(api, `${parent}:validateMessageTransform`, body);
    if (message !== undefined) refused.push({ path: ['messageTransforms', String(at)], message });
  }
  return refused;
}

/** The server's sentence for what it refuses; undefined if it takes it, or does not say. */
async function refusal(
  api: ResourceApi,
  path: string,
  body: JsonObject,
): Promise<string | undefined> {
  try {
    await unlessUnanswered(api({ method: 'POST', path, body }));
    return undefined;
  } catch (error) {
    if (statusOf(error) !== 'INVALID_ARGUMENT' || !(error instanceof Error)) throw error;
    return plainSentence(error.message);
  }
}

/** Without the status, and without the place in a request that nobody wrote. */
function plainSentence(message: string): string {
  const line = message.replace(/^INVALID_ARGUMENT: /, '').replaceAll(/\s+/g, ' ');
  return /\(argument=message_transforms?(?:\[\d+\])?: (.*)\)\.$/.exec(line)?.[1] ?? line;
}
