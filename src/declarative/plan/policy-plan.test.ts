import { describe, expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';
import { bindingsAt, placedBinding, type DeclaredPolicy } from '../document/declared-policies.ts';
import type { Json, JsonObject } from '../json.ts';
import { policyStep, ProjectNumbers } from './policy-plan.ts';
import type { ResourceApi } from '../resource-api.ts';

/** One policy as an API keeps it: a write with a stale etag is refused. */
class KeptPolicy {
  bindings: Json[];
  etag = 1;
  /** What somebody else writes between a read and a write. */
  interferences: Json[][] = [];
  reads = 0;

  constructor(bindings: Json[] = []) {
    this.bindings = bindings;
  }

  readonly api: ResourceApi = async ({ path, body }) => {
    if (path.endsWith(':getIamPolicy')) return this.#read();
    if (path.endsWith(':setIamPolicy')) return this.#write(body!['policy'] as JsonObject);
    return { projectNumber: '123456789012' };
  };

  #read(): JsonObject {
    this.reads++;
    const answer = { bindings: this.bindings, etag: String(this.etag) };
    const other = this.interferences.shift();
    if (other !== undefined) {
      this.bindings = other;
      this.etag++;
    }
    return answer;
  }

  #write(policy: JsonObject): JsonObject {
    if (policy['etag'] !== String(this.etag)) throw new RpcError('ABORTED', 'STALE', 'Stale.');
    this.bindings = policy['bindings'] as Json[];
    this.etag++;
    return policy;
  }
}

function declaredPolicy(bindings: Json[], isAuthoritative: boolean = false): DeclaredPolicy {
  const places = bindings.map((each) => placedBinding(each as JsonObject, 'cafe', []));
  return {
    resource: 'projects/cafe/topics/orders',
    bindings: bindingsAt(places),
    places,
    isAuthoritative,
    project: 'cafe',
    path: [],
  };
}

const viewer = (...members: string[]): Json => ({ role: 'roles/viewer', members });
const step = async (
  kept: KeptPolicy,
  policy: DeclaredPolicy,
): Promise<Awaited<ReturnType<typeof policyStep>>> =>
  policyStep(policy, kept.api, new ProjectNumbers(kept.api), true);

describe('a policy', () => {
  test('keeps what is not declared', async () => {
    const kept = new KeptPolicy([
      viewer('user:a@x.y'),
      { role: 'roles/owner', members: ['user:o@x.y'] },
    ]);
    const found = await step(kept, declaredPolicy([viewer('user:b@x.y', 'user:a@x.y')]));
    expect(found?.changes).toEqual([
      { path: ['roles/viewer'], from: ['user:a@x.y'], to: ['user:a@x.y', 'user:b@x.y'] },
    ]);
    await found!.perform(kept.api);
    expect(kept.bindings).toEqual([
      { role: 'roles/viewer', members: ['user:a@x.y', 'user:b@x.y'] },
      { role: 'roles/owner', members: ['user:o@x.y'] },
    ]);
    expect(await step(kept, declaredPolicy([viewer('user:b@x.y')]))).toBeUndefined();
  });

  test('loses what is not declared if that is asked for', async () => {
    const kept = new KeptPolicy([
      viewer('user:a@x.y'),
      { role: 'roles/owner', members: ['user:o@x.y'] },
    ]);
    const found = await step(kept, declaredPolicy([viewer('user:b@x.y')], true));
    await found!.perform(kept.api);
    expect(kept.bindings).toEqual([{ role: 'roles/viewer', members: ['user:b@x.y'] }]);
    await (await step(kept, declaredPolicy([], true)))!.perform(kept.api);
    expect(kept.bindings).toEqual([]);
  });

  test('has conditions told apart, and agents by their numbers', async () => {
    const kept = new KeptPolicy([viewer('user:a@x.y')]);
    const condition = { expression: 'request.time < timestamp("2030-01-01T00:00:00Z")' };
    const found = await step(
      kept,
      declaredPolicy([{ role: 'roles/viewer', members: ['serviceAgent:pubsub'], condition }]),
    );
    await found!.perform(kept.api);
    expect(kept.bindings).toEqual([
      { role: 'roles/viewer', members: ['user:a@x.y'] },
      {
        role: 'roles/viewer',
        members: ['serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com'],
        condition,
      },
    ]);
  });

  test('that somebody else writes meanwhile is read again, and nothing of it is lost', async () => {
    const kept = new KeptPolicy();
    const found = await step(kept, declaredPolicy([viewer('user:b@x.y')]));
    kept.interferences = [[viewer('user:c@x.y')], [viewer('user:c@x.y', 'user:d@x.y')]];
    await found!.perform(kept.api);
    expect(kept.bindings).toEqual([
      { role: 'roles/viewer', members: ['user:c@x.y', 'user:d@x.y', 'user:b@x.y'] },
    ]);
    expect(kept.reads).toBe(4);
  });

  test('that never holds still is given up', async () => {
    const kept = new KeptPolicy();
    const found = await step(kept, declaredPolicy([viewer('user:b@x.y')]));
    kept.interferences = Array.from({ length: 20 }, (_, at) => [viewer(`user:${at}@x.y`)]);
    await expect(found!.perform(kept.api)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
