import type { Declaration } from '../document/declaration.ts';
import type { ResourceKind } from '../document/declared-resources.ts';
import type { FileAccess } from '../file-access.ts';
import { keyFileStep } from './key-file-plan.ts';
import { PolicyChecks } from './policy-checks.ts';
import { policyStep, ProjectNumbers } from './policy-plan.ts';
import { DocumentError, problemLines } from '../document/problem.ts';
import { pruneSteps } from './prune-plan.ts';
import type { ResourceApi } from '../resource-api.ts';
import { ResourcePlan } from './resource-plan.ts';
import type { Step } from './step.ts';

export interface PlanOptions {
  /** Whether topics, subscriptions and schemas that are not declared are deleted. */
  readonly isPruning: boolean;
  readonly files: FileAccess;
  /** Wall time, from which keys' first rotations are counted. */
  readonly nowMs: number;
  /** Told a line of the document that can be applied, and does nothing. */
  readonly onWarning?: (line: string) => void;
}

/** In this order what is named is there before what names it. */
const stages: readonly (readonly ResourceKind[])[] = [
  ['keyRing', 'key', 'account'],
  ['schema', 'topic', 'subscription'],
];

const pubsub = /^projects\/[^/]+\/(?:schemas|topics|subscriptions)\//;

/**
 * What has to be done so that the server is as declared, in the order in which it is done. Changes
 * nothing.
 *
 * @throws DocumentError for what cannot be changed, for names of nothing, and for definitions,
 * roles and conditions that the server would refuse
 */
export async function planFor(
  declaration: Declaration,
  api: ResourceApi,
  { isPruning, files, nowMs, onWarning }: PlanOptions,
): Promise<Step[]> {
  const plan = new ResourcePlan(declaration, api, nowMs);
  const numbers = new ProjectNumbers(api);
  for (const kinds of stages) {
    await addResources(plan, declaration, kinds);
    if (kinds.includes('account')) await addKeyFiles(plan, declaration, api, files);
    const policies = declaration.policies.filter(
      ({ resource }) => pubsub.test(resource) === kinds.includes('topic'),
    );
    for (const policy of policies) {
      const isThere = plan.present.has(policy.resource) || isAlwaysThere(policy.resource);
      const step = await policyStep(policy, api, numbers, isThere);
      if (step !== undefined) plan.steps.push(step);
    }
  }
  const checks = new PolicyChecks(declaration, api, (name) => plan.isKnown(name));
  const { problems, warnings } = await checks.run();
  const found = [...plan.problems, ...problems];
  if (found.length > 0) throw new DocumentError(declaration.file, found);
  for (const line of problemLines(declaration.file, warnings)) onWarning?.(line);
  return [...plan.steps, ...(isPruning ? await pruneSteps(declaration, api) : [])];
}

async function addResources(
  plan: ResourcePlan,
  { resources }: Declaration,
  kinds: readonly ResourceKind[],
): Promise<void> {
  for (const kind of kinds) {
    for (const resource of resources) if (resource.kind === kind) await plan.add(resource);
  }
}

async function addKeyFiles(
  plan: ResourcePlan,
  declaration: Declaration,
  api: ResourceApi,
  files: FileAccess,
): Promise<void> {
  for (const keyFile of declaration.keyFiles) {
    const found = await keyFileStep(keyFile, declaration, api, files);
    if (found === undefined) continue;
    if ('place' in found) plan.problems.push(found);
    else plan.steps.push(found);
  }
}

/** Projects come into being with the first question about them. */
const isAlwaysThere = (resource: string): boolean =>
  /^(?:organizations|projects)\/[^/]+$/.test(resource);

/** How far a plan came. */
export interface Outcome {
  readonly done: readonly Step[];
  /** The step that failed, and why; what comes after it was not tried. */
  readonly failed?: { readonly step: Step; readonly error: unknown };
  readonly left: readonly Step[];
}

/** Performs a plan's steps one after the other, up to the first that fails. */
export async function performPlan(
  steps: readonly Step[],
  api: ResourceApi,
  onDone: (step: Step) => void = () => undefined,
): Promise<Outcome> {
  for (const [at, step] of steps.entries()) {
    try {
      await step.perform(api);
    } catch (error) {
      return { done: steps.slice(0, at), failed: { step, error }, left: steps.slice(at + 1) };
    }
    onDone(step);
  }
  return { done: steps, left: [] };
}
