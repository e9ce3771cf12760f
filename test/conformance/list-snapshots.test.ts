import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalidName } from './expected-refusals.ts';
import { pagingCases } from './paging.ts';

const live = useTestedServer();

describe.each(wireNames)('ListSnapshots over %s', (wire) => {
  const api = liveApi(live, wire);
  const freshProject = (stem: string): LiveApi =>
    new LiveApi(api.wire, `${api.project}-${freshId(stem)}`);

  pagingCases(() => freshProject('paged'), {
    rpc: 'ListSnapshots',
    field: 'snapshots',
    parent: async ({ project }) => ({ project }),
    add: async (own, _, id) => {
      const subscription = await own.subscription(await own.topic());
      const name = own.snapshotName(id);
      await own.call('CreateSnapshot', { name, subscription });
      return name;
    },
    remove: (own, snapshot) => own.call('DeleteSnapshot', { snapshot }),
  });

  test('"Lists the existing snapshots" of the project, whole', async () => {
    const own = freshProject('own');
    const snapshot = await own.snapshot(await own.subscription(await own.topic()));
    const other = freshProject('own');
    await other.snapshot(await other.subscription(await other.topic()));
    expect(await own.call('ListSnapshots', { project: own.project })).toEqual({
      snapshots: [await own.call('GetSnapshot', { snapshot })],
    });
  });

  test('a project that is no name is refused', async () => {
    const project = `projects/${'p'.repeat(101)}`;
    expect(await api.refusal('ListSnapshots', { project })).toEqual(invalidName(project));
  });
});
