import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CallFailure } from '../crash/pubsub-client.ts';
import { RestClient } from '../crash/rest-client.ts';
import { sealpostChild, type ServerChild } from '../crash/server-child.ts';
import type { Chance } from '../support/chance.ts';

const project = 'projects/shop';
const ring = `${project}/locations/global/keyRings/ring`;
export const steadyKey: string = `${ring}/cryptoKeys/steady`;
export const fickleKey: string = `${ring}/cryptoKeys/fickle`;
/** A name of a version in force. */
export const fickleVersion: string = `${fickleKey}/cryptoKeyVersions/1`;

/** Bytes that no sealed file may hold. */
export const plainMark = 'coffee-beans-in-plain-text';
const filler = 'x'.repeat(8_000);

/** A report of /sealpost/v1/backups. */
export interface BackupView {
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  readonly directory: string;
  readonly bytes: string;
  readonly totalBytes: string;
  readonly error?: string;
}

/** A subscription, and what was promised of the messages of its topic. */
export class Followed {
  readonly topic: string;
  readonly name: string;
  readonly key: string | undefined;
  /** Payloads whose publish was answered. */
  readonly published: Set<string> = new Set();
  /** Payloads that were sent, answered or not. */
  readonly sent: Set<string> = new Set();
  /** Payloads whose ack was sent, and those whose ack was answered. */
  readonly released: Set<string> = new Set();
  readonly acked: Set<string> = new Set();

  constructor(id: string, key?: string) {
    this.topic = `${project}/topics/${id}`;
    this.name = `${project}/subscriptions/${id}`;
    this.key = key;
  }
}

/** A server process and clients that keep it busy in every way that a backup could meet. */
export class BackupLoad {
  readonly folder: string;
  readonly followed: readonly Followed[] = [
    new Followed('sealed', steadyKey),
    new Followed('default'),
    new Followed('fickle', fickleKey),
    new Followed('idle', steadyKey),
  ];
  /** How often each kind of work was done; a backup that meets none of it shows nothing. */
  readonly done = { publish: 0, ack: 0, topic: 0, key: 0, rewrap: 0 };
  readonly #chance: Chance;
  #server: ServerChild | null = null;
  #client: RestClient | null = null;
  #isOver = false;
  #serial = 0;
  #working: Promise<unknown> = Promise.resolve();

  constructor(folder: string, chance: Chance) {
    this.folder = folder;
    this.#chance = chance;
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get client(): RestClient {
    return this.#client!;
  }

  /** The server's process. */
  get server(): ServerChild {
    return this.#server!;
  }

  async start(dataDir: string = this.dataDir): Promise<void> {
    this.#server = sealpostChild(dataDir);
    this.#client = new RestClient(await this.#server.url());
  }

  /** Keys, topics and subscriptions, and `batches` of half a mebibyte each to be copied. */
  async fill(batches: number): Promise<void> {
    await this.client.call('POST', `/v1/${project}/locations/global/keyRings?keyRingId=ring`, {});
    const { projectNumber } = await this.client.call<{ projectNumber: string }>(
      'GET',
      `/v1/${project}`,
    );
    const member = `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
    const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
    for (const key of [steadyKey, fickleKey]) {
      const id = key.slice(key.lastIndexOf('/') + 1);
      const purpose = { purpose: 'ENCRYPT_DECRYPT' };
      await this.client.call('POST', `/v1/${ring}/cryptoKeys?cryptoKeyId=${id}`, purpose);
      const policy = { bindings: [{ role, members: [member] }] };
      await this.client.call('POST', `/v1/${key}:setIamPolicy`, { policy });
    }
    for (const { topic, name, key } of this.followed) {
      await this.client.createTopic(topic, key);
      await this.client.createSubscription(name, topic);
    }
    for (let i = 0; i < batches; i++) await this.#publish(this.followed[i % 4]!, 64, filler);
  }

  /** Everything at once, until `stop`. */
  work(): void {
    this.#isOver = false;
    const [sealed, standard, fickle] = this.followed as [Followed, Followed, Followed];
    this.#working = Promise.all([
      ...[sealed, standard, fickle].map((each) => this.#repeat(() => this.#publish(each, 5))),
      ...[sealed, standard].map((each) => this.#repeat(() => this.#consume(each))),
      this.#repeat(() => this.#comeAndGo()),
      this.#repeat(() => this.#switchKey()),
      this.#repeat(() => this.#rotate()),
    ]);
  }

  /** Resolves once some kind of work was done so often. */
  async until(kind: keyof BackupLoad['done'], count: number): Promise<void> {
    while (this.done[kind] < count && !this.server.hasEnded) await this.#turn();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#working;
  }

  /** Ends the server by a signal, amid its work. */
  async kill(): Promise<void> {
    const isEnded = this.server.stop('SIGKILL');
    await this.stop();
    await isEnded;
    this.client.close();
  }

  /** Begins a backup; resolves to its last report. */
  async backUp(directory: string): Promise<BackupView> {
    let view = await this.client.call<BackupView>('POST', '/sealpost/v1/backups', { directory });
    while (view.state === 'running') {
      await this.#turn();
      view = await this.client.call<BackupView>('GET', '/sealpost/v1/backups');
    }
    return view;
  }

  /** What a subscription gives until it gave `owed`, or nothing for some rounds. */
  async drain({ name }: Followed, owed: ReadonlySet<string>): Promise<Set<string>> {
    const got = new Set<string>();
    for (let idle = 0; idle < 30;) {
      const messages = await this.client.pull(name, 1000);
      for (const { attributes } of messages) got.add(attributes['serial']!);
      idle = messages.length > 0 ? 0 : idle + 1;
      if ([...owed].every((serial) => got.has(serial))) break;
    }
    return got;
  }

  /** A copy of the root key where a server of `dataDir` looks for it. */
  lendRootKey(dataDir: string): void {
    mkdirSync(`${dataDir}-keys`, { mode: 0o700 });
    copyFileSync(join(`${this.dataDir}-keys`, 'root-key'), join(`${dataDir}-keys`, 'root-key'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #publish(to: Followed, count: number, rest: string = ''): Promise<void> {
    const serials = Array.from({ length: count }, () => String(++this.#serial));
    for (const serial of serials) to.sent.add(serial);
    await this.client.publish(
      to.topic,
      serials.map((serial) => ({
        data: Buffer.from(`${plainMark} ${rest}`),
        attributes: { serial },
        orderingKey: '',
      })),
    );
    for (const serial of serials) to.published.add(serial);
    this.done.publish++;
  }

  async #consume(from: Followed): Promise<void> {
    const messages = await this.client.pull(from.name, 30);
    const some = messages.filter(() => this.#chance.isTrue(0.7));
    if (some.length === 0) return;
    const serials = some.map(({ attributes }) => attributes['serial']!);
    for (const serial of serials) from.released.add(serial);
    const ackIds = some.map(({ ackId }) => ackId);
    await this.client.acknowledge(from.name, ackIds);
    for (const serial of serials) from.acked.add(serial);
    this.done.ack++;
  }

  /** A topic of its own DEK, with messages, which is erased with it. */
  async #comeAndGo(): Promise<void> {
    const passing = new Followed(`passing-${++this.#serial}`, steadyKey);
    await this.client.createTopic(passing.topic, passing.key);
    await this.client.createSubscription(passing.name, passing.topic);
    await this.#publish(passing, 3);
    await this.client.deleteSubscription(passing.name);
    await this.client.deleteTopic(passing.topic);
    this.done.topic++;
  }

  async #switchKey(): Promise<void> {
    for (const state of ['DISABLED', 'ENABLED']) {
      await setVersionState(this.client, state);
      await this.#turn();
    }
    this.done.key++;
  }

  /** A new primary version, and DEKs that are wrapped by it anew. */
  async #rotate(): Promise<void> {
    const made = await this.client.call<{ name: string }>(
      'POST',
      `/v1/${steadyKey}/cryptoKeyVersions`,
      {},
    );
    const cryptoKeyVersionId = made.name.slice(made.name.lastIndexOf('/') + 1);
    const primary = `/v1/${steadyKey}:updatePrimaryVersion`;
    await this.client.call('POST', primary, { cryptoKeyVersionId });
    await this.client.call('POST', `/sealpost/v1/${steadyKey}:rewrap`, {});
    this.done.rewrap++;
  }

  /** Until the end; what a server refuses because a key is off, or one is at work, is no fault. */
  async #repeat(act: () => Promise<void>): Promise<void> {
    while (!this.#isOver && !this.server.hasEnded) {
      try {
        await act();
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        if (error.status === 'BROKEN') return;
      }
      await this.#turn();
    }
  }

  /** A round trip: time for others, without a clock. */
  async #turn(): Promise<void> {
    await this.client.call('GET', `/v1/${project}`).catch(() => undefined);
  }
}

export async function setVersionState(client: RestClient, state: string): Promise<void> {
  await client.call('PATCH', `/v1/${fickleVersion}?updateMask=state`, { state });
}
