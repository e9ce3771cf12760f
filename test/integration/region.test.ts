import { expect, test } from 'vitest';

import { LiveApi, liveGrpc } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer(['--region', 'europe-west3']);
const api = new LiveApi(liveGrpc(live), 'projects/regions');
const messages = [{ data: Buffer.from('a').toString('base64') }];

test('publishing is refused where the policy of the topic excludes the region of the server', async () => {
  const topicIn = async (region: string): Promise<string> =>
    await api.topic({ messageStoragePolicy: { allowedPersistenceRegions: [region] } });
  const allowed = { topic: await topicIn('europe-west3'), messages };
  expect(await api.call('Publish', allowed)).toMatchObject({ messageIds: [expect.any(String)] });
  const refused = api.call('Publish', { topic: await topicIn('us-east1'), messages });
  await expect(refused).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining('region=europe-west3') as string,
  });
});
