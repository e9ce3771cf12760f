import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalidName } from './expected-refusals.ts';
import { pagingCases } from './paging.ts';

interface Page {
  readonly topics: readonly unknown[];
  readonly nextPageToken: string;
}

const live = useTestedServer();

describe.each(wireNames)('ListTopics over %s', (wire) => {
  const api = liveApi(live, wire);

  pagingCases(() => new LiveApi(api.wire, `${api.project}-${freshId('paged')}`), {
    rpc: 'ListTopics',
    field: 'topics',
    parent: async ({ project }) => ({ project }),
    add: async (own, _parent, id) => {
      const name = own.topicName(id);
      await own.call('CreateTopic', { name });
      return name;
    },
    remove: (own, topic) => own.call('DeleteTopic', { topic }),
  });

  test('topics come whole, and only those of the project', async () => {
    const own = new LiveApi(api.wire, `${api.project}-${freshId('whole')}`);
    const beside = new LiveApi(api.wire, `${own.project}0`);
    const name = await own.topic({ labels: { a: 'b' } });
    await beside.topic();
    expect(await own.call('ListTopics', { project: own.project })).toEqual({
      topics: [{ name, labels: { a: 'b' }, state: 'ACTIVE' }],
    });
  });

  test('without a page_size a page has 100', async () => {
    const own = new LiveApi(api.wire, `${api.project}-${freshId('hundred')}`);
    await Promise.all(Array.from({ length: 101 }, () => own.topic()));
    const { project } = own;
    const first = await own.call<Page>('ListTopics', { project });
    expect(first.topics).toHaveLength(100);
    const { nextPageToken: pageToken } = first;
    expect((await own.call<Page>('ListTopics', { project, pageToken })).topics).toHaveLength(1);
  });

  test('a project that is no name is refused', async () => {
    const project = `projects/${'p'.repeat(101)}`;
    expect(await api.refusal('ListTopics', { project })).toEqual(invalidName(project));
  });
});
