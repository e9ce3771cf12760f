import { afterEach } from 'vitest';

import { createOutgoingClient } from '../../src/outgoing/index.ts';
import { type Clock, type Logger, silentLogger } from '../../src/runtime/index.ts';
import type { ImageSources } from '../../src/vault/registry/image-source.ts';
import {
  createImageSources,
  type ImageSourcesOptions,
} from '../../src/vault/registry/image-sources.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { HastyClock } from './hasty-clock.ts';
import { RegistryServer } from './registry-server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

export async function startRegistry(): Promise<RegistryServer> {
  const registry = await new RegistryServer().start();
  closers.push(() => registry.close());
  return registry;
}

/** Sources over a real client, with every line that they log. */
export function openSources<Time extends Clock = HastyClock>(
  hosts: readonly string[],
  given: Partial<Omit<ImageSourcesOptions, 'clock'>> & { readonly clock?: Time } = {},
): { sources: ImageSources; clock: Time; lines: string[] } {
  const clock = given.clock ?? (new HastyClock(20_000) as unknown as Time);
  const policy = { isLoopbackOnly: true, allow: [], ownListeners: () => [] };
  const outgoing = createOutgoingClient({ policy, clock, caFile: null });
  closers.push(() => outgoing.close());
  const lines: string[] = [];
  const sources = createImageSources({
    outgoing,
    hosts,
    mirrors: [],
    credentialsFile: null,
    allowsLocal: false,
    log: noting(lines),
    architecture: 'x64',
    ...given,
    clock,
  });
  return { sources, clock, lines };
}

function noting(lines: string[]): Logger {
  const note = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields, errorsToo)}`);
  };
  return { ...silentLogger, debug: note, info: note, warn: note, error: note };
}

function errorsToo(_name: string, value: unknown): unknown {
  return value instanceof Error ? `${value.message} ${value.stack} ${String(value.cause)}` : value;
}

export const never: AbortSignal = new AbortController().signal;

/** Code, reason and text of the RpcError that a promise fails with. */
export async function refusalOf(promise: Promise<unknown>): Promise<[string, string, string]> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RpcError)) {
    throw new Error(`no RpcError: ${String(error)}`, { cause: error });
  }
  return [error.code, error.reason, error.message];
}
