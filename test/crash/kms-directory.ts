import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FailpointName } from '../../src/runtime/index.ts';
import { checkLife } from './kms-check.ts';
import type { KmsOperation, PreparedOperation } from './kms-operation.ts';
import { KmsRemains } from './kms-remains.ts';
import type { KmsVictimOrders } from './kms-victim-orders.ts';
import { dayMs, KmsWorld, type LivingServer, ring } from './kms-world.ts';
import { statusOf } from './pubsub-client.ts';
import { RestClient } from './rest-client.ts';
import { programChild, type ServerChild } from './server-child.ts';

/** How one life is to end. */
export interface KmsKill {
  readonly operation: KmsOperation;
  /** Null: from outside, `afterMs` after the operation began. */
  readonly failpoint: FailpointName | null;
  readonly hit: number;
  readonly afterMs: number;
}

const standing: readonly string[] = ['steady', 'plain'].map((id) => `projects/crash/topics/${id}`);
/** Longer than any operation takes on a busy machine; a failpoint that is not hit by then is missed. */
const hitWithinMs = 60_000;
const isCalm = (line: string): boolean => /^\{"level":[34]0,/.test(line);

/** A life: the server, what answers it, and the jumps of its clock. */
class Life implements LivingServer {
  readonly child: ServerChild;
  readonly rest: RestClient;
  readonly #world: { leadMs: number };

  constructor(child: ServerChild, url: string, world: { leadMs: number }) {
    this.child = child;
    this.rest = new RestClient(url);
    this.#world = world;
  }

  wallMs(): number {
    return Date.now() + this.#world.leadMs;
  }

  async jump(ms: number): Promise<void> {
    this.#world.leadMs += ms;
    await this.obey(`jump ${ms}`);
  }

  /** Resolves when it was done, or the server died of it. */
  async obey(line: string): Promise<void> {
    const { child } = this;
    const from = child.stdout.length;
    child.say(line);
    while (!child.hasEnded && !child.stdout.slice(from).includes(`done: ${line}\n`)) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** One data directory, whose keys live on through the deaths of its servers. */
export class KmsDirectory {
  readonly path: string = mkdtempSync(join(tmpdir(), 'sealpost-kms-crash-'));
  readonly world: KmsWorld = new KmsWorld();
  readonly #time = { leadMs: 0 };
  readonly #remains: KmsRemains;
  #pending: { readonly prepared: PreparedOperation; wasAnswered: boolean } | null = null;
  #lifeCount = 0;

  constructor() {
    mkdirSync(join(this.path, 'secrets'), { mode: 0o700 });
    writeFileSync(this.#passphraseFile, 'an old grey heron stands in the reeds', { mode: 0o600 });
    this.#remains = new KmsRemains(this.#dataDir, join(this.path, 'scratch'));
  }

  /** A first life in peace: lasting keys and topics, and `doomedCount` versions to be destroyed. */
  async settle(doomedCount: number): Promise<void> {
    const life = await this.#start();
    const { world } = this;
    await world.change(
      ['CreateKeyRing', ring],
      ['POST', `${ring.slice(0, ring.lastIndexOf('/'))}?keyRingId=ring`],
    );
    const steady = await world.createKey();
    await world.grant(steady);
    for (const [i, topic] of standing.entries()) {
      await life.rest.createTopic(topic, i === 0 ? steady : undefined);
      await life.rest.createSubscription(topic.replace('/topics/', '/subscriptions/'), topic);
      await life.rest.publish(topic, [{ data: Buffer.from(topic), attributes: {} }]);
    }
    for (let day = 1; day <= doomedCount; day++) await this.#doom(day);
    await this.#doom(120);
    await this.#end(life);
  }

  /** Start, checks, one change that is interrupted, death, and a look at the files. */
  async live(kill: KmsKill): Promise<'killed' | 'missed'> {
    const life = await this.#start();
    await this.#resolvePending();
    await checkLife(this.world, standing);
    const prepared = await kill.operation.prepare(this.world);
    const { failpoint, hit, afterMs } = kill;
    if (failpoint !== null) await life.obey(`arm ${failpoint} ${hit}`);
    const pending = { prepared, wasAnswered: false };
    this.#pending = pending;
    const entriesBefore = new Map(this.world.entries);
    const timer = setTimeout(() => life.child.kill(), failpoint === null ? afterMs : hitWithinMs);
    const running = prepared.run().then(
      () => (pending.wasAnswered = true),
      (error: unknown) => {
        if (statusOf(error) !== 'BROKEN')
          this.world.violate(`${kill.operation.name}: ${String(error)}`);
      },
    );
    const startedMs = performance.now();
    await life.child.ended;
    clearTimeout(timer);
    await running;
    if (!pending.wasAnswered) restoreEntries(this.world, entriesBefore);
    await this.#examine(life);
    const isLate = performance.now() - startedMs >= hitWithinMs;
    return failpoint !== null && isLate ? 'missed' : 'killed';
  }

  /** A last life in peace: everything is checked, and SIGTERM ends it with 0. */
  async conclude(): Promise<void> {
    const life = await this.#start();
    await this.#resolvePending();
    await checkLife(this.world, standing);
    await life.jump(120_000);
    await this.#end(life);
    if (this.#remains.notedCount < 5) this.world.violate('no material was looked for');
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  get #dataDir(): string {
    return join(this.path, 'data');
  }

  get #passphraseFile(): string {
    return join(this.path, 'secrets', 'passphrase');
  }

  async #doom(days: number): Promise<void> {
    const key = await this.world.createKey({ destroyScheduledDuration: `${days * 86_400}s` });
    const version = await this.world.destroy(`${key}/cryptoKeyVersions/1`);
    const dueMs = Date.parse(version.destroyTime ?? '');
    const isInTime = Math.abs(dueMs - this.world.server.wallMs() - days * dayMs) < 60_000;
    if (!isInTime) this.world.violate(`${version.name} is due at ${version.destroyTime}`);
    this.world.doomed.set(version.name, dueMs);
  }

  async #start(): Promise<Life> {
    this.#lifeCount++;
    const orders: KmsVictimOrders = {
      dataDir: this.#dataDir,
      passphraseFile: this.#passphraseFile,
      leadMs: this.#time.leadMs,
      failpoint: null,
      hit: 0,
    };
    const program = new URL('./kms-victim.ts', import.meta.url);
    const child = programChild(program, [JSON.stringify(orders)]);
    const life = new Life(child, await child.url(), this.#time);
    this.world.server = life;
    return life;
  }

  /** What the last life was doing stands whole, or not at all; what it answered stands. */
  async #resolvePending(): Promise<void> {
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    const { prepared, wasAnswered } = pending;
    const how = await prepared.standing();
    if (wasAnswered && how === 'before') this.world.violate('what was answered is not there');
    const isOwed = how === 'after' && prepared.entry !== undefined;
    const isCounted = wasAnswered && prepared.entry?.[0] === 'activity';
    if (isOwed && !isCounted) this.world.expectEntry(...prepared.entry);
  }

  async #end(life: Life): Promise<void> {
    const { code } = await life.child.stop('SIGTERM');
    if (code !== 0) this.world.violate(`a stop ended with ${code}: ${life.child.stderr}`);
    await this.#examine(life);
  }

  async #examine({ child, rest }: Life): Promise<void> {
    rest.close();
    for (const line of child.stderr.split('\n')) {
      if (line !== '' && !isCalm(line)) this.world.violate(`the server said: ${line}`);
    }
    const { doomed, destroyed } = this.world;
    const nowMs = Date.now() + this.#time.leadMs;
    const isKept = (version: string): boolean => (doomed.get(version) ?? 0) > nowMs;
    const left = await this.#remains.examine(isKept, destroyed);
    for (const what of left) this.world.violate(`life ${this.#lifeCount}: ${what}`);
  }
}

/** A call that was not answered is counted by what it left, not by having been made. */
function restoreEntries(world: KmsWorld, before: ReadonlyMap<string, number>): void {
  world.entries.clear();
  for (const [entry, count] of before) world.entries.set(entry, count);
}
