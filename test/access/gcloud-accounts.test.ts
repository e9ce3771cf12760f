import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const gcloud = new Gcloud(() => live.url, folder.path, 'shop');
const skipped = hasGcloud ? '' : ' (skipped: gcloud is not installed)';
const email = 'baker-one@shop.iam.gserviceaccount.com';
const member = `serviceAccount:${email}`;

test.skipIf(!hasGcloud)(
  `gcloud makes accounts and keys, gives them roles on a topic and a project, and takes all of it away${skipped}`,
  async () => {
    const accounts = 'iam service-accounts';
    await gcloud.line(`${accounts} create baker-one --display-name=Baker`);
    expect(await gcloud.line(`${accounts} list --format=value(email,displayName)`)).toBe(
      `${email}\tBaker`,
    );
    const file = join(folder.path, 'key.json');
    await gcloud.line(`${accounts} keys create ${file} --iam-account=${email}`);
    const credentials = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    expect(credentials).toMatchObject({ type: 'service_account', client_email: email });
    expect(credentials['token_uri']).toBe(`${live.url}/token`);
    const list = `${accounts} keys list --iam-account=${email} --format=value(name.basename())`;
    expect(await gcloud.line(list)).toBe(credentials['private_key_id']);

    await gcloud.line('pubsub topics create bread');
    const role = 'roles/pubsub.publisher';
    const binding = `--member=${member} --role=${role}`;
    await gcloud.line(`pubsub topics add-iam-policy-binding bread ${binding}`);
    const roles = '--flatten=bindings --format=value(bindings.role,bindings.members[0])';
    const policy = await gcloud.line(`pubsub topics get-iam-policy bread ${roles}`);
    expect(policy).toBe(`${role}\t${member}`);
    await gcloud.line(`pubsub topics remove-iam-policy-binding bread ${binding}`);
    expect(await gcloud.line(`pubsub topics get-iam-policy bread ${roles}`)).toBe('');
    await gcloud.line(`projects add-iam-policy-binding shop ${binding}`);
    expect(await gcloud.line(`projects get-iam-policy shop ${roles}`)).toBe(`${role}\t${member}`);

    await gcloud.line(`${accounts} disable ${email}`);
    expect(await gcloud.line(`${accounts} describe ${email} --format=value(disabled)`)).toBe(
      'True',
    );
    await gcloud.line(`${accounts} delete ${email}`);
    expect(await gcloud.line(`${accounts} list --format=value(email)`)).toBe('');
  },
);
