import { parseProjectName, RpcError } from '../../rpc/index.ts';

const resourceNamesMax = 100;
/** The view of a bucket stands for its project: there is one log of each kind. */
const inLocation = /^(projects\/[^/]+)\/locations\/[^/]+\/buckets\/[^/]+(?:\/views\/[^/]+)?$/;

/** The projects of `resource_names`. Throws RpcError INVALID_ARGUMENT for other parents. */
export function projectsOf(resourceNames: readonly string[]): string[] {
  if (resourceNames.length === 0 || resourceNames.length > resourceNamesMax) {
    throw refused(`resource_names must name 1 to ${resourceNamesMax} resources`);
  }
  return resourceNames.map((name) => {
    const project = parseProjectName(inLocation.exec(name)?.[1] ?? name);
    if (project !== undefined) return project;
    throw refused(`resource_names: ${name} is not a project, such as projects/my-project`);
  });
}

/** Whether the newest come first. Throws RpcError INVALID_ARGUMENT for an order that is none. */
export function isDescending(orderBy: string): boolean {
  const order = orderBy.trim().replaceAll(/\s+/g, ' ').toLowerCase();
  if (order === '' || order === 'timestamp' || order === 'timestamp asc') return false;
  if (order === 'timestamp desc') return true;
  throw refused(`order_by: ${orderBy}, valid values are "timestamp asc" and "timestamp desc"`);
}

function refused(text: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', 'BAD_LOG_QUERY', text);
}
