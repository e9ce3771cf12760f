import type { Declaration } from '../document/declaration.ts';
import { textIn } from '../json.ts';
import { listAll, type ResourceApi } from '../resource-api.ts';
import { requestStep, type Step } from './step.ts';

/** What may be deleted, readers first. Keys and accounts never are. */
const collections = [
  { collection: 'subscriptions', noun: 'subscription' },
  { collection: 'topics', noun: 'topic' },
  { collection: 'schemas', noun: 'schema' },
] as const;

/** Deletes what the declared projects have and the document has not. */
export async function pruneSteps(
  { projects, resources }: Declaration,
  api: ResourceApi,
): Promise<Step[]> {
  const declared = new Set(resources.map(({ name }) => name));
  const steps: Step[] = [];
  for (const { collection, noun } of collections) {
    for (const project of projects) {
      const there = await listAll(api, `projects/${project}/${collection}`, collection);
      const names = there.map((item) => textIn(item, 'name')).filter((name) => !declared.has(name));
      for (const name of names.toSorted()) {
        const step = { action: 'delete', noun, name, changes: [] } as const;
        steps.push(requestStep(step, [{ method: 'DELETE', path: name }]));
      }
    }
  }
  return steps;
}
