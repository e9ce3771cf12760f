import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { SystemClock } from '../../src/runtime/index.ts';
import { KillableVault, processesOf } from '../support/killable-vault.ts';
import { canRunImages, needsImages } from '../support/page-registry.ts';
import type { InstanceView } from '../support/run-client.ts';

const hourMs = 3_000;
const vault = new KillableVault([
  '--vault-hour-ms',
  String(hourMs),
  '--vault-check-seconds',
  '1',
  '--vault-idle-seconds',
  '600',
]);
const why = canRunImages ? '' : ` ${needsImages}`;
const clock = new SystemClock();

const keyAnnotation = 'run.googleapis.com/encryption-key';
const actionAnnotation = 'run.googleapis.com/post-key-revocation-action-type';
const hoursAnnotation = 'run.googleapis.com/encryption-key-shutdown-hours';
const minimumAnnotation = 'autoscaling.knative.dev/minScale';
const repository = 'us-docker.pkg.dev/crash';

/** Services whose processes no other test's are taken for. */
const run = randomBytes(4).toString('hex');
const asked = `asked-${run}`;
const minimum = `minimum-${run}`;
const imported = `imported-${run}`;
const hesitant = `hesitant-${run}`;
const soon = `soon-${run}`;
const far = `far-${run}`;

/** In a file that does not compress: in a compressed layer, too, it is as it is here. */
const marker = randomBytes(48);
const secret = Buffer.concat([randomBytes(1_000_000), marker, randomBytes(1_000_000)]);

beforeAll(async () => {
  if (!canRunImages) return;
  await vault.begin();
  const more = [{ name: 'www/secret', mode: 0o644, data: secret }];
  await vault.registry.push('crash/secret:latest', 'secret', { more });
  // Listens only where nothing is said against it.
  const before = '[ -z "$HANGS" ] || exec /bin/busybox sleep 100000; ';
  await vault.registry.push('crash/hesitant:latest', 'hesitant', { before });
}, 120_000);
afterAll(() => vault.end());

async function deployed(
  project: string,
  id: string,
  annotations: Readonly<Record<string, string>>,
): Promise<string> {
  await vault.deploy(project, id, annotations, { image: `${repository}/secret:latest` });
  expect(await vault.settled(project, id)).toMatchObject({ status: 'True' });
  return await urlOf(project, id);
}

async function urlOf(project: string, id: string): Promise<string> {
  return (await vault.service(project, id)).status.url;
}

function instanceIn(
  project: string,
  id: string,
  state: InstanceView['state'],
): Promise<InstanceView[]> {
  const ask = async (): Promise<InstanceView[]> =>
    (await vault.instances(project, id)).filter((each) => each.state === state);
  return vault.until(ask, ({ length }) => length > 0);
}

/** Nothing that ran before is left, neither its processes nor its files, and each is told of. */
async function expectNothingOf(
  project: string,
  id: string,
  earlier: { instances: readonly InstanceView[]; processes: ReturnType<typeof processesOf> },
): Promise<void> {
  const now = await vault.instances(project, id);
  for (const { id: instance } of earlier.instances) {
    expect(now.find((each) => each.id === instance)).toMatchObject({
      state: 'STOPPED',
      reason: 'vault crashed',
    });
    expect(vault.leftInMemory().filter((path) => path.includes(instance))).toEqual([]);
  }
  const left = processesOf(id);
  for (const each of earlier.processes) expect(left).not.toContainEqual(each);
}

const announcement = /^Instances of revision (\S+) will be shut down at (\S+) unless/;

/** Deadlines of shutdowns that were announced, by revision, in the order of the announcements. */
async function announced(project: string): Promise<{ revision: string; deadline: string }[]> {
  return (await vault.systemLog(project)).flatMap((text) => {
    const [, revision, deadline] = announcement.exec(text) ?? [];
    return revision === undefined || deadline === undefined ? [] : [{ revision, deadline }];
  });
}

async function untilWall(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.schedule(clock.monotonicMs() + Math.max(0, ms - clock.wallMs()), resolve);
  });
}

describe.skipIf(!canRunImages)('a vault that is killed', () => {
  test(`while instances run leaves none, brings minimums back, and serves on request${why}`, async () => {
    const project = 'running';
    const key = await vault.createKey(project, 'ring', 'key');
    const annotations = { [keyAnnotation]: key };
    const url = await deployed(project, asked, annotations);
    const least = { ...annotations, [minimumAnnotation]: '1' };
    await deployed(project, minimum, least);
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'secret' });
    const earlier = new Map(
      await Promise.all(
        [asked, minimum].map(async (id) => {
          const running = { instances: await instanceIn(project, id, 'READY') };
          return [id, { ...running, processes: processesOf(id) }] as const;
        }),
      ),
    );
    for (const { processes } of earlier.values()) expect(processes).not.toEqual([]);

    await vault.kill();
    await vault.start();
    for (const [id, each] of earlier) await expectNothingOf(project, id, each);
    const [fresh] = await instanceIn(project, minimum, 'READY');
    expect(earlier.get(minimum)?.instances.map(({ id }) => id)).not.toContain(fresh?.id);
    expect(await vault.visit(await urlOf(project, asked))).toEqual({
      status: 200,
      text: 'secret',
    });
  });

  test(`while it imports goes on with the deployment${why}`, async () => {
    const project = 'importing';
    const key = await vault.createKey(project, 'ring', 'key');
    const held = vault.proxy.holdNext();
    await vault.deploy(
      project,
      imported,
      { [keyAnnotation]: key },
      { image: `${repository}/secret:latest` },
    );
    await held;
    await vault.kill();
    await vault.start();
    expect(await vault.settled(project, imported)).toMatchObject({ status: 'True' });
    expect(await vault.visit(await urlOf(project, imported))).toMatchObject({ status: 200 });
  });

  test(`while an instance starts starts another, and takes the next revision${why}`, async () => {
    const project = 'starting';
    const key = await vault.createKey(project, 'ring', 'key');
    const image = `${repository}/hesitant:latest`;
    const env = [{ name: 'HANGS', value: 'yes' }];
    await vault.deploy(project, hesitant, { [keyAnnotation]: key }, { image, env });
    const instances = await instanceIn(project, hesitant, 'STARTING');
    const processes = await vault.until(
      () => Promise.resolve(processesOf(hesitant)),
      ({ length }) => length > 0,
    );
    await vault.kill();
    await vault.start();
    await expectNothingOf(project, hesitant, { instances, processes });
    const [again] = await instanceIn(project, hesitant, 'STARTING');
    expect(again?.id).not.toBe(instances[0]?.id);
    await vault.deploy(project, hesitant, { [keyAnnotation]: key }, { image });
    expect(await vault.settled(project, hesitant)).toMatchObject({ status: 'True' });
    const url = await urlOf(project, hesitant);
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hesitant' });
    await vault.until(
      () => vault.instances(project, hesitant),
      (all) => all.filter(({ state }) => state !== 'STOPPED').length === 1,
    );
  });

  test(`before a deadline keeps to it: restored in time it is cancelled, else it acts, late if it must${why}`, async () => {
    const project = 'counting';
    const key = await vault.createKey(project, 'ring', 'key');
    const annotations = { [keyAnnotation]: key, [actionAnnotation]: 'shut-down' };
    await deployed(project, soon, { ...annotations, [hoursAnnotation]: '1' });
    await deployed(project, far, { ...annotations, [hoursAnnotation]: '100' });
    await vault.setState(key, 'DISABLED');
    const deadlines = await vault.until(
      () => announced(project),
      ({ length }) => length === 2,
    );
    await vault.kill();
    const due = deadlines.find(({ revision }) => revision.startsWith(`${soon}-`));
    const late = deadlines.find(({ revision }) => revision.startsWith(`${far}-`));
    await untilWall(Date.parse(due?.deadline ?? ''));
    await vault.start();

    const done = `Instances of revision ${due?.revision} were shut down: its CMEK key was revoked.`;
    await vault.until(
      () => vault.systemLog(project),
      (texts) => texts.includes(done),
    );
    for (const id of [soon, far]) {
      expect(await vault.visit(await urlOf(project, id))).toMatchObject({ status: 503 });
    }
    await vault.setState(key, 'ENABLED');
    const cancelled = `The shutdown of revision ${late?.revision} at ${late?.deadline} is cancelled.`;
    await vault.until(
      () => vault.systemLog(project),
      (texts) => texts.includes(cancelled),
    );
    for (const id of [soon, far]) {
      const url = await urlOf(project, id);
      await vault.until(
        () => vault.visit(url),
        ({ status }) => status === 200,
      );
    }
    expect(await announced(project)).toEqual(deadlines);
  });

  test(`never had a byte of an image on the disk, and stopped in order it has none in memory${why}`, async () => {
    // It would be found: in the compressed layer that came, and in the tree that is open.
    expect(gzipSync(secret).includes(marker)).toBe(true);
    expect(vault.inMemory(marker)).not.toEqual([]);
    expect(vault.onDisk(marker)).toEqual([]);
    expect(await vault.stop()).toBe(0);
    expect(vault.leftInMemory()).toEqual([]);
    expect(vault.onDisk(marker)).toEqual([]);
    for (const id of [asked, minimum, imported, hesitant, soon, far]) {
      expect(processesOf(id)).toEqual([]);
    }
  });
});
