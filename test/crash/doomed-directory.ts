import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chance } from '../support/chance.ts';
import { GrpcClient } from './grpc-client.ts';
import type { KillPlan } from './kill-plan.ts';
import { Ledger } from './ledger.ts';
import { settled, type PubsubClient } from './pubsub-client.ts';
import { checkRecovered, isBroken } from './recovery-check.ts';
import {
  openSecrets,
  readJournal,
  reusedIds,
  strayedSegments,
  topicsWithDek,
  type SeenIds,
} from './remains.ts';
import { RestClient } from './rest-client.ts';
import { programChild, type ServerChild } from './server-child.ts';
import type { VictimOrders } from './victim-orders.ts';
import { Workload } from './workload.ts';

const project = 'projects/crash';
const ring = `${project}/locations/global/keyRings/ring`;
const kmsKeyName = `${ring}/cryptoKeys/key`;
const lastingTopics: readonly string[] = [`${project}/topics/sealed`, `${project}/topics/default`];
const streamed = `${project}/subscriptions/streamed`;

/** Real milliseconds until which a failpoint must be hit, else the kill comes from outside. */
const hitWithinMs = 3_000;
/** A start takes a fraction of a second; more is a failure, with room for a busy machine. */
const readyWithinMs = 15_000;

/** A log line of pino's that is a warning at most. */
const isCalm = (line: string): boolean => /^\{"level":[34]0,/.test(line);

/** What became of one life. */
export interface LifeReport {
  /** The failpoint that killed it, `random`, or `missed` for one that was not hit in time. */
  readonly killedAt: string;
  /** Milliseconds from the start to the ready line; null if it died before. */
  readonly readyMs: number | null;
}

/** One data directory, whose server dies again and again, and the account of what it promised. */
export class DoomedDirectory {
  readonly path: string;
  readonly ledger: Ledger = new Ledger();
  readonly #chance: Chance;
  readonly #answersEarly: boolean;
  readonly #epochMs: number = Date.now();
  readonly #seenIds: SeenIds = new Map();
  readonly #keys = new Set<string>();
  #life = 0;

  constructor(chance: Chance, answersEarly: boolean) {
    this.path = mkdtempSync(join(tmpdir(), 'sealpost-crash-'));
    this.#chance = chance;
    this.#answersEarly = answersEarly;
    mkdirSync(join(this.path, 'journals'));
  }

  get #dataDir(): string {
    return join(this.path, 'data');
  }

  /** A first life in peace, which makes the key, the lasting topics and their subscriptions. */
  async settle(): Promise<void> {
    const server = this.#start(null);
    const clients = this.#clients(await server.url());
    const [rest] = clients;
    await settled(rest.call('POST', `/v1/${project}/locations/global/keyRings?keyRingId=ring`, {}));
    const key = { purpose: 'ENCRYPT_DECRYPT' };
    await settled(rest.call('POST', `/v1/${ring}/cryptoKeys?cryptoKeyId=key`, key));
    const { projectNumber } = await rest.call<{ projectNumber: string }>('GET', `/v1/${project}`);
    const member = `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
    const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
    const policy = { bindings: [{ role, members: [member] }] };
    await rest.call('POST', `/v1/${kmsKeyName}:setIamPolicy`, { policy });
    for (const [i, topic] of lastingTopics.entries()) {
      await rest.createTopic(topic, i === 0 ? kmsKeyName : undefined);
      this.ledger.want(topic).state = 'there';
      for (const name of [
        `${project}/subscriptions/ample-${i}`,
        `${project}/subscriptions/bare-${i}`,
      ]) {
        await this.#subscribe(rest, name, topic);
      }
    }
    await this.#subscribe(rest, streamed, lastingTopics[0]!);
    await this.#end(server, clients, 'SIGTERM');
  }

  /** Start, check, load, death, and a look at what lies on the disk. */
  async live(plan: KillPlan): Promise<LifeReport> {
    const startedMs = performance.now();
    const server = this.#start(plan);
    const isAtStart = plan.when === 'start';
    const timer = isAtStart ? this.#killAfter(server, plan.afterMs || hitWithinMs) : undefined;
    const url = await this.#readyUrl(server);
    const readyMs = url === null ? null : performance.now() - startedMs;
    if (url === null && !isAtStart) this.#violate(`the server does not start: ${server.stderr}`);
    if (url !== null) {
      const clients = this.#clients(url);
      try {
        await this.#liveOn(server, clients, plan);
      } catch (error) {
        if (!isBroken(error)) this.#violate(`a check was refused: ${String(error)}`);
      }
      for (const client of clients) client.close();
    }
    await server.stop('SIGKILL');
    clearTimeout(timer);
    const killedAt = await this.#examine(server);
    const isMissed = plan.failpoint !== null && killedAt === null;
    return { killedAt: killedAt ?? (isMissed ? 'missed' : 'random'), readyMs };
  }

  /** A last life in peace: everything is checked, erasures end, and SIGTERM ends it with 0. */
  async conclude(): Promise<void> {
    const server = this.#start(null);
    const clients = this.#clients(await server.url());
    await this.#check(clients);
    for (let waited = 0; waited < 100 && (await this.#orphanedDeks()) > 0; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.#end(server, clients, 'SIGTERM');
    const orphans = await this.#orphanedDeks();
    if (orphans > 0) this.#violate(`${orphans} topics are deleted, but their DEKs are not`);
  }

  /** The message of a second process that wanted the directory of a running one. */
  async refusalOfSecond(): Promise<{ readonly first: number; readonly said: string }> {
    const server = this.#start(null);
    await server.url();
    const second = this.#start(null);
    const { code } = await second.ended;
    const said = code === 0 ? '' : second.stderr;
    await server.stop('SIGKILL');
    await this.#examine(server);
    return { first: server.child.pid ?? 0, said };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  async #liveOn(
    server: ServerChild,
    clients: [RestClient, GrpcClient],
    plan: KillPlan,
  ): Promise<void> {
    await this.#check(clients);
    server.say('arm');
    const timer = this.#killAfter(server, plan.failpoint === null ? plan.afterMs : hitWithinMs);
    const { ledger } = this;
    const isOver = (): boolean => server.hasEnded || server.child.signalCode !== null;
    const workload = new Workload({
      ledger,
      clients,
      streaming: clients[1],
      project,
      kmsKeyName,
      lastingTopics,
      streamed,
      chance: this.#chance,
      life: this.#life,
      isOver,
    });
    await workload.run();
    clearTimeout(timer);
  }

  async #check(clients: readonly PubsubClient[]): Promise<void> {
    await checkRecovered(this.ledger, this.#chance.pick(clients), project);
  }

  #start(plan: KillPlan | null): ServerChild {
    this.#life++;
    const orders: VictimOrders = {
      dataDir: this.#dataDir,
      journal: this.#journalPath,
      speed: 100,
      epochMs: this.#epochMs,
      failpoint: plan?.failpoint ?? null,
      hit: plan?.hit ?? 0,
      isArmedAtStart: plan?.when === 'start',
      answersEarly: this.#answersEarly,
    };
    return programChild(new URL('./victim.ts', import.meta.url), [JSON.stringify(orders)]);
  }

  get #journalPath(): string {
    return join(this.path, 'journals', String(this.#life));
  }

  #clients(url: string): [RestClient, GrpcClient] {
    return [new RestClient(url), new GrpcClient(url)];
  }

  async #readyUrl(server: ServerChild): Promise<string | null> {
    const timer = setTimeout(() => {
      this.#violate(`not ready after ${readyWithinMs} ms: ${server.stderr}`);
      server.kill();
    }, readyWithinMs);
    const url = await server.ready;
    clearTimeout(timer);
    return url;
  }

  #killAfter(server: ServerChild, ms: number): NodeJS.Timeout {
    return setTimeout(() => server.kill(), ms);
  }

  async #subscribe(client: PubsubClient, name: string, topic: string): Promise<void> {
    await client.createSubscription(name, topic);
    this.ledger.wantSubscription(name, topic).state = 'there';
  }

  async #end(
    server: ServerChild,
    clients: readonly PubsubClient[],
    signal: 'SIGTERM',
  ): Promise<void> {
    for (const client of clients) client.close();
    const { code } = await server.stop(signal);
    if (code !== 0) this.#violate(`a stop ended with ${code}: ${server.stderr}`);
    await this.#examine(server);
  }

  /** Looks at the dead server's files. Returns the failpoint at which it killed itself. */
  async #examine(server: ServerChild): Promise<string | null> {
    const journal = readJournal(this.#journalPath);
    for (const key of journal.keys) this.#keys.add(key);
    for (const id of reusedIds(this.#seenIds, journal))
      this.#violate(`an id was used twice: ${id}`);
    const { topics, subscriptions, snapshots } = this.ledger;
    const logsMax = topics.size + subscriptions.size + snapshots.size + 10;
    const strayed = await strayedSegments(this.#dataDir, this.#scratch, logsMax, this.#seenIds);
    for (const segment of strayed) this.#violate(`not what was stored: ${segment}`);
    const folders = [this.#dataDir, `${this.#dataDir}-keys`];
    for (const secret of openSecrets(folders, this.#keys)) this.#violate(secret);
    for (const line of server.stderr.split('\n')) {
      if (line !== '' && !isCalm(line)) this.#violate(`the server said: ${line}`);
    }
    return journal.killedAt;
  }

  get #scratch(): string {
    return join(this.path, 'scratch');
  }

  async #orphanedDeks(): Promise<number> {
    const { topics, subscriptions, snapshots } = this.ledger;
    const kept = [...snapshots.values()].filter(({ state }) => state !== 'gone');
    const readTopics = this.ledger.existing().map(({ topic }) => topic);
    const doomed = [...subscriptions.values()].filter(({ state }) => state === 'doomed');
    const needed = new Set([...readTopics, ...[...doomed, ...kept].map(({ topic }) => topic)]);
    for (const { name, state } of topics.values()) if (state !== 'gone') needed.add(name);
    return Math.max(0, (await topicsWithDek(this.#dataDir, this.#scratch)) - needed.size);
  }

  #violate(what: string): void {
    this.ledger.violate(`life ${this.#life}: ${what}`);
  }
}
