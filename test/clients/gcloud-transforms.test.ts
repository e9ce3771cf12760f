import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const gcloud = new Gcloud(() => live.url, folder.path, 'gt');

const page = readFileSync(join(import.meta.dirname, '../../docs/transforms.md'), 'utf8');
const script = /^```sh\n(.*?)^```/ms.exec(page)![1]!;
const why = hasGcloud ? '' : ' (skipped: gcloud is not installed)';

test.skipIf(!hasGcloud)(
  `the page of transforms tries, checks and sets one as it says${why}`,
  { timeout: 120_000 },
  async () => {
    expect(script.match(/^gcloud /gm)).toHaveLength(3);
    expect(await gcloud.script(script)).toBe("---\ndata: '{}'");
    const topic = await fetch(`${live.url}/v1/projects/gt/topics/orders`);
    expect(await topic.json()).toMatchObject({
      messageTransforms: [{ javascriptUdf: { functionName: 'redact' } }],
    });
  },
);
