import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyName, type KmsBench, openKmsBench } from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { RpcError } from '../../rpc/index.ts';
import type { EmbeddedKeyService } from '../embedded-key-service.ts';
import type { VersionState } from '../key-administration.ts';

const hourMs = 3_600_000;
const delayMs = 30 * 24 * hourMs;
const secret = new Uint8Array(32).fill(3);

interface ModelVersion {
  state: VersionState;
  dueMs: number;
}

/** What a key is, without storage, sealing, log or clock: the states of reference and no more. */
class Model {
  readonly versions = new Map<number, ModelVersion>([[1, { state: 'ENABLED', dueMs: 0 }]]);
  primary: number | null = 1;
  count = 1;

  /** Whether it may be done; then it is. */
  change(number: number, from: readonly VersionState[], to: VersionState, dueMs = 0): boolean {
    const version = this.versions.get(number);
    if (version === undefined || !from.includes(version.state)) return false;
    Object.assign(version, { state: to, dueMs });
    return true;
  }

  create(): boolean {
    this.versions.set(++this.count, { state: 'ENABLED', dueMs: 0 });
    return true;
  }

  makePrimary(number: number): boolean {
    if (!this.versions.has(number)) return false;
    this.primary = number;
    return true;
  }

  delete(number: number): boolean {
    if (this.versions.get(number)?.state !== 'DESTROYED') return false;
    this.versions.delete(number);
    if (this.primary === number) this.primary = null;
    return true;
  }

  pass(nowMs: number): void {
    for (const version of this.versions.values()) {
      if (version.state !== 'DESTROY_SCHEDULED' || version.dueMs > nowMs) continue;
      version.state = 'DESTROYED';
    }
  }

  isUsable(number: number | null): boolean {
    return number !== null && this.versions.get(number)?.state === 'ENABLED';
  }
}

const kinds = [
  'create',
  'enable',
  'disable',
  'destroy',
  'restore',
  'makePrimary',
  'delete',
  'pass',
  'restart',
  'encrypt',
  'decrypt',
] as const;

interface Step {
  readonly kind: (typeof kinds)[number];
  readonly number: number;
  readonly days: number;
}

const stepOf: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  number: fc.integer({ min: 1, max: 4 }),
  days: fc.integer({ min: 1, max: 20 }),
});

class Pair {
  readonly #bench: KmsBench;
  readonly #model = new Model();
  readonly #ciphertexts: { readonly bytes: Uint8Array; readonly version: number }[] = [];
  #service: EmbeddedKeyService;

  constructor(bench: KmsBench) {
    this.#bench = bench;
    this.#service = bench.service;
  }

  async do({ kind, number, days }: Step): Promise<void> {
    const name = `${keyName}/cryptoKeyVersions/${number}`;
    const model = this.#model;
    const service = this.#service;
    switch (kind) {
      case 'create':
        return await this.#same(model.create(), () =>
          service.createVersion(keyName, { state: 'ENABLED' }, operator),
        );
      case 'enable':
      case 'disable': {
        const state = kind === 'enable' ? 'ENABLED' : 'DISABLED';
        const isDone = model.change(number, ['ENABLED', 'DISABLED'], state);
        return await this.#same(isDone, () => service.updateVersion(name, { state }, operator));
      }
      case 'destroy': {
        const dueMs = this.#bench.clock.wallMs() + delayMs;
        const isDone = model.change(number, ['ENABLED', 'DISABLED'], 'DESTROY_SCHEDULED', dueMs);
        return await this.#same(isDone, () => service.destroyVersion(name, false, operator));
      }
      case 'restore':
        return await this.#same(model.change(number, ['DESTROY_SCHEDULED'], 'DISABLED'), () =>
          service.restoreVersion(name, operator),
        );
      case 'makePrimary':
        return await this.#same(model.makePrimary(number), () =>
          service.updatePrimaryVersion(keyName, number, operator),
        );
      case 'delete':
        return await this.#same(model.delete(number), () => service.deleteVersion(name, operator));
      case 'pass':
        return await this.#pass(days);
      case 'restart':
        return await this.#restart();
      case 'encrypt':
        return await this.#encrypt();
      case 'decrypt':
        return await this.#decrypt(number);
    }
  }

  /** Both do it, or the service refuses by the API's codes and neither does. */
  async #same(isAllowed: boolean, call: () => Promise<unknown>): Promise<void> {
    const outcome = await call().then(
      () => 'done',
      (error: unknown) => RpcError.from(error).code,
    );
    if (isAllowed) expect(outcome).toBe('done');
    else expect(['FAILED_PRECONDITION', 'NOT_FOUND']).toContain(outcome);
    await this.#compare();
  }

  async #compare(): Promise<void> {
    const key = await this.#service.getCryptoKey(keyName, operator);
    const { items } = await this.#service.listVersions(
      keyName,
      { pageSize: 0, pageToken: '' },
      operator,
    );
    const numberOf = (name: string): number => Number(name.split('/').at(-1));
    const seen = items.map(({ name, state }) => [numberOf(name), state]);
    expect(seen).toEqual([...this.#model.versions].map(([number, { state }]) => [number, state]));
    expect(key.primary ? numberOf(key.primary.name) : null).toBe(this.#model.primary);
  }

  async #pass(days: number): Promise<void> {
    this.#bench.clock.stepWall(days * 24 * hourMs);
    await this.#bench.clock.advance(60_000);
    await this.#service.lifecycle.idle();
    this.#model.pass(this.#bench.clock.wallMs());
    await this.#compare();
  }

  async #restart(): Promise<void> {
    await this.#service.close();
    this.#service = await this.#bench.restart();
    this.#model.pass(this.#bench.clock.wallMs());
    await this.#compare();
  }

  async #encrypt(): Promise<void> {
    const request = { name: keyName, plaintext: secret, additionalAuthenticatedData: secret };
    const encrypted = this.#service.encrypt(request, operator);
    if (!this.#model.isUsable(this.#model.primary)) {
      await expect(encrypted).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      return;
    }
    const { ciphertext: bytes, name } = await encrypted;
    expect(name).toBe(`${keyName}/cryptoKeyVersions/${this.#model.primary}`);
    this.#ciphertexts.push({ bytes, version: this.#model.primary! });
  }

  /** What was encrypted opens exactly while its version is enabled. */
  async #decrypt(pick: number): Promise<void> {
    const known = this.#ciphertexts[pick % Math.max(1, this.#ciphertexts.length)];
    if (known === undefined) return;
    const request = {
      name: keyName,
      ciphertext: known.bytes,
      additionalAuthenticatedData: secret,
    };
    const opened = this.#service.decrypt(request, operator);
    if (this.#model.isUsable(known.version)) expect((await opened).plaintext).toEqual(secret);
    else await expect(opened).rejects.toBeInstanceOf(RpcError);
  }
}

test('any life of a key is that of its model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepOf, { minLength: 5, maxLength: 40 }), async (steps) => {
      const pair = new Pair(await openKmsBench());
      for (const step of steps) await pair.do(step);
    }),
    { numRuns: 60 },
  );
}, 60_000);
