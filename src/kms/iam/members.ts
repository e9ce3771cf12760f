/**
 * The Run agent's second spelling: `N@serverless-robot-prod…`, as some of Google's pages write it,
 * is the same principal as `service-N@serverless-robot-prod…`.
 */
const runAgentPattern =
  /^(serviceaccount:)([0-9]+)(@serverless-robot-prod\.iam\.gserviceaccount\.com)$/;

const everybody: readonly string[] = ['allusers', 'allauthenticatedusers'];

/** One spelling for each principal: lower case, as IAM compares, and the Run agent's long form. */
export function canonicalMember(member: string): string {
  return member.toLowerCase().replace(runAgentPattern, '$1service-$2$3');
}

/**
 * Whether `member` is one of `members`. Groups, domains and workforce pools name people that are not
 * known here: they include nobody, and neither does a principal marked as deleted.
 */
export function isAmong(members: readonly string[], member: string): boolean {
  const wanted = canonicalMember(member);
  return members.some((one) => {
    const named = canonicalMember(one);
    return named === wanted || everybody.includes(named);
  });
}

/** The Pub/Sub service agent of the project with that number. */
export function pubsubAgentOf(projectNumber: string): string {
  return `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
}

/** The Cloud Run service agent of the project with that number. */
export function runAgentOf(projectNumber: string): string {
  return `serviceAccount:service-${projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`;
}
