import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runRoutes, type Route } from '../../src/api/index.ts';
import { startFixture, type ApiFixture } from '../support/api-fixture.ts';
import { canGcloudRun, Gcloud, gcloudRunExcuse as why } from '../support/gcloud.ts';
import { recordedDigest, RecordingRunService } from '../support/recording-run-service.ts';
import { temporaryFolder } from '../support/server-process.ts';

/** The commands of `gcloud run`, each as it is documented, over services in memory. */
const run = new RecordingRunService();
const folder = temporaryFolder();
let fixture: ApiFixture;
const gcloud = new Gcloud(() => fixture.api.url, folder.path, 'p', { hosts: canGcloudRun });
const key = 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k';

/** Resource Manager's, of which `services replace` asks the project's number. */
const project: Route = {
  rpc: 'google.cloud.resourcemanager.v1.Projects.GetProject',
  method: 'GET',
  template: '/v1/projects/{project_id}',
  handle: () => ({ projectId: 'p', projectNumber: '1', lifecycleState: 'ACTIVE' }),
};

beforeAll(async () => {
  const routes = [
    ...runRoutes(run, {
      defaultLocation: 'us-central1',
      authorizer: { isGranted: () => true },
    }),
    project,
  ];
  fixture = await startFixture({ routes });
});
afterAll(async () => {
  await fixture.api.drain(0);
  folder.remove();
});

describe.skipIf(!canGcloudRun)('gcloud run', () => {
  test(`deploys under a key, describes, exports and replaces${why}`, async () => {
    const told = await gcloud.told(
      'run',
      'deploy',
      'hello',
      '--image=us-docker.pkg.dev/p/r/hello:latest',
      `--key=${key}`,
      '--post-key-revocation-action-type=shut-down',
      '--encryption-key-shutdown-hours=1',
      '--allow-unauthenticated',
    );
    expect(told).toMatch(/hello-00001-abc.*has been deployed and is serving/);
    expect(told).toContain('http://hello.localhost:8085');
    expect(await gcloud.line('run services describe hello')).toMatch(/CMEK: +k\b/);
    const file = join(folder.path, 'service.yaml');
    const exported = await gcloud.line('run services describe hello --format export');
    expect(exported).toContain(`run.googleapis.com/encryption-key: ${key}`);
    writeFileSync(file, exported.replace('containerConcurrency: 80', 'containerConcurrency: 7'));
    const replaced = await gcloud.told('run', 'services', 'replace', file);
    expect(replaced).toContain('New configuration has been applied to service');
    expect(readFileSync(file, 'utf8')).toContain('containerConcurrency: 7');
    const service = run.services.get('projects/p/locations/us-central1/services/hello')!;
    expect(service.spec.template.containerConcurrency).toBe(7);
    expect(service.generation).toBe(2);
  });

  test(`moves traffic, and lists and deletes revisions${why}`, async () => {
    const first = 'hello-00001-abc';
    const moved = await gcloud.line(
      `run services update-traffic hello --to-revisions ${first}=30,LATEST=70 --set-tags old=${first}`,
    );
    expect(moved).toContain('70% LATEST (currently hello-00002-abc)');
    const listed = 'run revisions list --service hello --format value(metadata.name)';
    expect((await gcloud.line(listed)).split('\n').toSorted()).toEqual([first, 'hello-00002-abc']);
    expect(await gcloud.line(`run revisions describe ${first}`)).toContain('Image:');
    await gcloud.line('run services update-traffic hello --to-latest --clear-tags');
    await gcloud.line(`run revisions delete ${first}`);
    expect(await gcloud.line(listed)).toBe('hello-00002-abc');
  });

  test(`updates the image by its digest, and says why a deployment failed${why}`, async () => {
    const message = `User's CMEK key has been disabled. CMEK key: ${key}`;
    run.fault = { reason: 'EncryptionKeyCheckFailed', message };
    const update = gcloud.line('run services update hello --update-env-vars A=b');
    await expect(update).rejects.toThrow(message);
    run.fault = null;
    const service = run.services.get('projects/p/locations/us-central1/services/hello')!;
    expect(service.spec.template.container.image).toMatch(new RegExp(`@${recordedDigest}$`));
    const refused = gcloud.line('run services update hello --vpc-connector c');
    await expect(refused).rejects.toThrow(
      'The field "spec.template.metadata.annotations[\'run.googleapis.com/vpc-access-connector\']" of Service is not supported by this server.',
    );
  });

  test(`binds a policy, lists and deletes services${why}`, async () => {
    const binding = '--member user:a@b.c --role roles/run.invoker';
    const bound = await gcloud.line(`run services add-iam-policy-binding hello ${binding}`);
    expect(bound).toContain('- user:a@b.c');
    const listed = 'run services list --format value(metadata.name)';
    expect(await gcloud.line(listed)).toBe('hello');
    await gcloud.line('run services delete hello');
    expect(await gcloud.line(listed)).toBe('');
  });
});
