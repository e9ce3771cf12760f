/**
 * The Run agent's second spelling: `N@serverless-robot-prod…`, as some of Google's pages write it,
 * is the same principal as `service-N@serverless-robot-prod…`.
 */
const runAgentPattern =
  /^(serviceaccount:)([0-9]+)(@serverless-robot-prod\.iam\.gserviceaccount\.com)$/;

const everybody: ReadonlySet<string> = new Set(['allusers', 'allauthenticatedusers']);

/** Identities of pools, whose subjects and groups are told apart by case. */
const poolPattern = /^principal(?:Set)?:\/\//;

/**
 * One spelling for each principal: emails and domains in lower case, as IAM compares them, and the
 * Run agent's long form.
 */
export function canonicalMember(member: string): string {
  if (poolPattern.test(member)) return member;
  return member.toLowerCase().replace(runAgentPattern, '$1service-$2$3');
}

/** The member itself and the groups that it is in, each in one spelling. */
export function identitiesOf(member: string, groups: readonly string[] = []): ReadonlySet<string> {
  return new Set([member, ...groups].map(canonicalMember));
}

/**
 * Whether one of `identities`, from `identitiesOf`, is one of `members`. A principal marked as
 * deleted and a group that nobody shows include nobody. `allUsers` are all who are authenticated.
 */
export function areAmong(members: readonly string[], identities: ReadonlySet<string>): boolean {
  return members.some((one) => {
    const named = canonicalMember(one);
    return identities.has(named) || everybody.has(named);
  });
}

/** The same for one member that is in no group. */
export function isAmong(members: readonly string[], member: string): boolean {
  return areAmong(members, identitiesOf(member));
}

/** The Pub/Sub service agent of the project with that number. */
export function pubsubAgentOf(projectNumber: string): string {
  return `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
}

/** The Cloud Run service agent of the project with that number. */
export function runAgentOf(projectNumber: string): string {
  return `serviceAccount:service-${projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`;
}

/**
 * Whether accounts of a project are service agents, as those above: nobody's to make, since policies
 * grant to them before anyone has a key for one.
 */
export function isAgentProject(project: string): boolean {
  return project.startsWith('gcp-sa-') || project === 'serverless-robot-prod';
}
