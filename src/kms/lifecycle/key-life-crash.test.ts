import { expect, test } from 'vitest';
import { testRootKey, testSuites } from '../../../test/support/embedded-kms.ts';
import { Life, mortal, MortalClock } from '../../../test/support/mortal.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { RecordingAudit } from '../../../test/support/recording-audit.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { AuditWriter } from '../../audit/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../storage/index.ts';
import type { EmbeddedKeyService } from '../embedded-key-service.ts';
import { startKeyService } from '../start-key-service.ts';

const dayMs = 24 * 3_600_000;
const location = 'projects/p/locations/global';
const ring = `${location}/keyRings/r`;
const key = `${ring}/cryptoKeys/k`;
const version = (number: number): string => `${key}/cryptoKeyVersions/${number}`;
const startMs = Date.UTC(2026, 0, 1);

/** What outlives a process. */
class World {
  readonly clock = new VirtualClock(startMs);
  readonly store = openMemoryKeyStore({ clock: this.clock });
  readonly audit = new RecordingAudit();
  readonly entropy = new SeededEntropy(5);
  readonly rootKey = testRootKey();
  advancing: Promise<void> = Promise.resolve();

  /** The wall clock jumps to that time, and the next look at it is waited for. */
  until(wallMs: number): Promise<void> {
    this.clock.stepWall(Math.max(0, wallMs - this.clock.wallMs()));
    this.advancing = this.clock.advance(60_000);
    return this.advancing;
  }
}

/** One process, which dies at its `deathAt`th step: before or after a write, or between two. */
class Mortal {
  readonly life = new Life();
  readonly died: Promise<'died'>;
  stepCount = 0;
  readonly #world: World;
  readonly #deathAt: number;
  readonly #clock: MortalClock;
  #die: () => void = () => undefined;

  constructor(world: World, deathAt: number) {
    this.#world = world;
    this.#deathAt = deathAt;
    this.#clock = new MortalClock(world.clock, this.life);
    this.died = new Promise((resolve) => {
      this.#die = () => resolve('died');
    });
  }

  start(): Promise<EmbeddedKeyService> {
    const { store, audit, entropy, rootKey } = this.#world;
    const txn: KeyStore['txn'] = (checks, puts) => this.#stepped(() => store.txn(checks, puts));
    const compact = (): Promise<void> => this.#stepped(() => store.compact());
    const keyStore: KeyStore = {
      get: store.get.bind(store),
      list: store.list.bind(store),
      close: store.close.bind(store),
      txn,
      compact,
    };
    const writer: AuditWriter = {
      append: (entry, id) => this.#stepped(() => audit.append(entry, id)),
    };
    return startKeyService({
      keyStore: mortal(keyStore, this.life),
      audit: mortal(writer, this.life),
      clock: this.#clock,
      entropy,
      rootKey,
      suites: testSuites,
      log: silentLogger,
      failpoints: () => this.#step(),
    });
  }

  async end(): Promise<void> {
    this.life.isOver = true;
    this.#clock.cancelAll();
    await this.#world.advancing;
    await this.#world.clock.settle();
  }

  async #stepped<T>(call: () => Promise<T>): Promise<T> {
    this.#step();
    if (this.life.isOver) return await new Promise<T>(() => undefined);
    const answer = await call();
    this.#step();
    return answer;
  }

  #step(): void {
    if (++this.stepCount !== this.#deathAt) return;
    this.life.isOver = true;
    this.#die();
  }
}

interface Act {
  readonly run: (service: EmbeddedKeyService, world: World) => Promise<unknown>;
  /** Whether it happened, as a later process finds it. */
  readonly hasLanded: (service: EmbeddedKeyService) => Promise<boolean>;
}

async function stateOf(service: EmbeddedKeyService, number: number): Promise<string> {
  try {
    return (await service.getVersion(version(number), operator)).state;
  } catch {
    return 'none';
  }
}

const isState = (number: number, state: string) => async (service: EmbeddedKeyService) =>
  (await stateOf(service, number)) === state;

const isPrimary = (number: number) => async (service: EmbeddedKeyService) =>
  (await service.getCryptoKey(key, operator)).primary?.name === version(number);

const exists =
  (read: (service: EmbeddedKeyService) => Promise<unknown>) =>
  async (service: EmbeddedKeyService) =>
    await read(service).then(
      () => true,
      () => false,
    );

/** The whole life of a key, each act once. */
const acts: readonly Act[] = [
  {
    run: (service) => service.createKeyRing(location, 'r', operator),
    hasLanded: exists((service) => service.getKeyRing(ring, operator)),
  },
  {
    run: (service) =>
      service.createCryptoKey(
        {
          parent: ring,
          id: 'k',
          purpose: 'ENCRYPT_DECRYPT',
          labels: {},
          versionTemplate: { protectionLevel: 'SOFTWARE' },
          destroyScheduledSeconds: 86_400,
          nextRotationTimeMs: startMs + dayMs,
          rotationPeriodSeconds: 90 * 86_400,
          skipInitialVersion: false,
        },
        operator,
      ),
    hasLanded: exists((service) => service.getCryptoKey(key, operator)),
  },
  {
    run: (service) => service.createVersion(key, { state: 'ENABLED' }, operator),
    hasLanded: isState(2, 'ENABLED'),
  },
  {
    run: (service) => service.updatePrimaryVersion(key, 2, operator),
    hasLanded: isPrimary(2),
  },
  {
    run: async (service, world) => {
      await world.until(startMs + dayMs);
      await service.lifecycle.idle();
    },
    hasLanded: isPrimary(3),
  },
  {
    run: (service) => service.destroyVersion(version(1), false, operator),
    hasLanded: isState(1, 'DESTROY_SCHEDULED'),
  },
  {
    run: (service) => service.restoreVersion(version(1), operator),
    hasLanded: isState(1, 'DISABLED'),
  },
  {
    run: (service) => service.destroyVersion(version(1), false, operator),
    hasLanded: isState(1, 'DESTROY_SCHEDULED'),
  },
  {
    run: async (service, world) => {
      await world.until(startMs + 2 * dayMs);
      await service.lifecycle.idle();
    },
    hasLanded: isState(1, 'DESTROYED'),
  },
  {
    run: (service) => service.deleteVersion(version(1), operator),
    hasLanded: isState(1, 'none'),
  },
  {
    run: (service) => service.updateVersion(version(2), { state: 'DISABLED' }, operator),
    hasLanded: isState(2, 'DISABLED'),
  },
];

/** The methods of changes that succeeded, in the order of the log. */
function changesIn({ audit }: World): string[] {
  return audit.entries
    .filter(({ kind, status }) => kind !== 'data_access' && status === undefined)
    .map(({ methodName }) => methodName);
}

async function requireWhole(service: EmbeddedKeyService, { store, clock }: World): Promise<void> {
  if (!(await exists(() => service.getCryptoKey(key, operator))(service))) return;
  const { primary } = await service.getCryptoKey(key, operator);
  expect(primary?.state).toBe('ENABLED');
  const { items } = await service.listVersions(key, { pageSize: 0, pageToken: '' }, operator);
  for (const { state, destroyEventTimeMs } of items) {
    if (state !== 'DESTROYED') continue;
    expect(destroyEventTimeMs).toBeGreaterThanOrEqual(startMs + 2 * dayMs);
    expect(clock.wallMs()).toBeGreaterThanOrEqual(startMs + 2 * dayMs);
  }
  expect(await store.list('kms/doomed/')).toEqual([]);
  expect(await store.list('kms/compaction/')).toEqual([]);
}

/** Lives through all acts with one death on the way; the steps that the first life took. */
async function lifeWithDeathAt(deathAt: number): Promise<number> {
  const world = new World();
  const first = new Mortal(world, deathAt);
  let done = 0;
  const through = async (mortalOne: Mortal): Promise<'done'> => {
    const service = await mortalOne.start();
    for (; done < acts.length; done++) await acts[done]!.run(service, world);
    return 'done';
  };
  const outcome = await Promise.race([through(first), first.died]);
  await first.end();
  if (outcome === 'died') await goOn(world, done);
  expect(changesIn(world)).toEqual([
    'CreateKeyRing',
    'CreateCryptoKey',
    'CreateCryptoKeyVersion',
    'UpdateCryptoKeyPrimaryVersion',
    'CreateCryptoKeyVersion',
    'DestroyCryptoKeyVersion',
    'RestoreCryptoKeyVersion',
    'DestroyCryptoKeyVersion',
    'DestroyCryptoKeyVersion',
    'DeleteCryptoKeyVersion',
    'UpdateCryptoKeyVersion',
  ]);
  return first.stepCount;
}

async function goOn(world: World, interrupted: number): Promise<void> {
  const second = new Mortal(world, Infinity);
  const service = await second.start();
  await requireWhole(service, world);
  for (let at = interrupted; at < acts.length; at++) {
    const act = acts[at]!;
    if (at === interrupted && (await act.hasLanded(service))) continue;
    await act.run(service, world);
    expect(await act.hasLanded(service)).toBe(true);
  }
  await requireWhole(service, world);
  await second.end();
}

test('a death between any two steps loses no change, doubles no entry, destroys nothing early', async () => {
  const steps = await lifeWithDeathAt(Infinity);
  expect(steps).toBeGreaterThan(80);
  for (let deathAt = 1; deathAt <= steps; deathAt++) {
    await expect(lifeWithDeathAt(deathAt), `death at step ${deathAt}`).resolves.toBeDefined();
  }
}, 120_000);
