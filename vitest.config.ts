import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** One project per layer of tests, so that each can be run and budgeted by name. */
const layers: Record<string, { include: string[]; testTimeout: number; serial?: boolean }> = {
  unit: { include: ['src/**/*.test.ts'], testTimeout: 20_000 },
  architecture: { include: ['test/architecture/**/*.test.ts'], testTimeout: 30_000 },
  vectors: { include: ['test/vectors/**/*.test.ts'], testTimeout: 60_000 },
  simulation: { include: ['test/simulation/**/*.test.ts'], testTimeout: 120_000 },
  integration: { include: ['test/integration/**/*.test.ts'], testTimeout: 60_000 },
  conformance: { include: ['test/conformance/**/*.test.ts'], testTimeout: 60_000 },
  clients: { include: ['test/clients/**/*.test.ts'], testTimeout: 300_000 },
  crash: { include: ['test/crash/**/*.test.ts'], testTimeout: 300_000, serial: true },
};

const config: ViteUserConfig = defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: Object.entries(layers).map(([name, layer]) => ({
      test: {
        name,
        include: layer.include,
        testTimeout: layer.testTimeout,
        hookTimeout: 60_000,
        pool: 'forks' as const,
        fileParallelism: layer.serial !== true,
      },
    })),
  },
});

export default config;
