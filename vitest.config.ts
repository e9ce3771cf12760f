import { defineConfig, type ViteUserConfig } from 'vitest/config';

interface Layer {
  readonly include: string[];
  readonly exclude?: string[];
  readonly testTimeout: number;
  readonly serial?: boolean;
}

/** Kills of servers amid the life of a key, and those that take longest. */
const keyCrashes = [
  'test/crash/kms*.test.ts',
  'test/crash/reseal.test.ts',
  'test/crash/exactly-once.test.ts',
];

/** Scrypt, and every row of a key store damaged: what takes longest beside its source. */
const longOfKeys = [
  'src/kms/root/root-key-seals.test.ts',
  'src/kms/verification/key-verifiable.test.ts',
];

/** Backups of real directories, every example of the help, the bench in small. */
const longOfDelivery = [
  'src/backup/**/*.test.ts',
  'test/integration/cli-examples.test.ts',
  'test/integration/bench-smoke.test.ts',
];

/** Schemas, transforms and access over real sockets: run by name, as what is of the vault is. */
const longOfAccess = ['test/conformance/schema-*.test.ts', 'test/conformance/transform-*.test.ts'];

/** Of the vault, and too long for the quick layers that they are like. */
const longOfVault = ['test/conformance/run-*.test.ts', 'src/api/http/front-door.test.ts'];

/** One project per layer of tests, so that each can be run and budgeted by name. */
const layers: Record<string, Layer> = {
  unit: {
    include: ['src/**/*.test.ts'],
    exclude: [...longOfVault, ...longOfKeys, ...longOfDelivery],
    testTimeout: 20_000,
  },
  architecture: { include: ['test/architecture/**/*.test.ts'], testTimeout: 30_000 },
  vectors: { include: ['test/vectors/**/*.test.ts'], testTimeout: 60_000 },
  simulation: { include: ['test/simulation/**/*.test.ts'], testTimeout: 120_000 },
  integration: {
    include: ['test/integration/**/*.test.ts'],
    exclude: longOfDelivery,
    testTimeout: 60_000,
  },
  conformance: {
    include: ['test/conformance/**/*.test.ts'],
    exclude: [...longOfVault, ...longOfAccess],
    testTimeout: 60_000,
  },
  clients: { include: ['test/clients/**/*.test.ts'], testTimeout: 300_000 },
  keys: {
    include: ['test/keys/**/*.test.ts', ...keyCrashes, ...longOfKeys],
    testTimeout: 300_000,
    serial: true,
  },
  /** Real registries, images and processes. */
  vault: {
    include: ['test/vault/**/*.test.ts', ...longOfVault],
    testTimeout: 120_000,
    serial: true,
  },
  access: { include: ['test/access/**/*.test.ts', ...longOfAccess], testTimeout: 120_000 },
  /** What is delivered: package, image, units, backups. */
  delivery: {
    include: ['test/delivery/**/*.test.ts', ...longOfDelivery],
    testTimeout: 120_000,
    serial: true,
  },
  crash: {
    include: ['test/crash/**/*.test.ts'],
    exclude: keyCrashes,
    testTimeout: 300_000,
    serial: true,
  },
};

const config: ViteUserConfig = defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: Object.entries(layers).map(([name, layer]) => ({
      test: {
        name,
        include: layer.include,
        exclude: ['**/node_modules/**', ...(layer.exclude ?? [])],
        testTimeout: layer.testTimeout,
        hookTimeout: 60_000,
        pool: 'forks' as const,
        fileParallelism: layer.serial !== true,
      },
    })),
  },
});

export default config;
