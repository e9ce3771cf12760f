import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { createAccountOffline } from '../../src/server/offline-account.ts';
import { heldKey, type HeldKey } from './access-bench.ts';
import type { LiveServer } from './live-server.ts';

/** A service account made on the directory of a server that was started once, and is stopped. */
export async function accountOffline(server: LiveServer, id: string): Promise<HeldKey> {
  const config = parseConfig(['--port', '0', '--data-dir', server.dataDir], {});
  const given = { project: 'project-1', id, displayName: '', serverUrl: 'https://h.example:8085' };
  const made = await createAccountOffline(config, given, { log: silentLogger });
  return heldKey(made.account, made.credentials);
}

/** Starts a server that asks everybody who he is, with one administrator. */
export async function startAsking(
  server: LiveServer,
  more: readonly string[] = [],
): Promise<HeldKey> {
  await server.start();
  await server.stop();
  const admin = await accountOffline(server, 'first-admin');
  const named = `serviceAccount:${admin.email}`;
  await server.restart(['--authentication', 'required', '--admin', named, ...more]);
  return admin;
}

export interface JsonAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
  readonly headers: Headers;
}

/** A REST call with a bearer token, or without one. */
export async function callAs(
  server: LiveServer,
  token: string | undefined,
  [method, path, body]: readonly [method: string, path: string, body?: unknown],
): Promise<JsonAnswer> {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = JSON.parse(text) as Record<string, unknown>;
  return { status: response.status, json, headers: response.headers };
}
