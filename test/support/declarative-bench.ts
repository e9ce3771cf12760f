import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { JsonObject, ResourceApi } from '../../src/declarative/index.ts';
import { runCli, type CliEnded } from './cli-process.ts';
import { temporaryFolder } from './server-process.ts';

/** A folder with documents, and the commands that apply them to a server. */
export class DeclarativeBench {
  readonly #folder = temporaryFolder();
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  path(file: string): string {
    return join(this.#folder.path, file);
  }

  write(file: string, text: string): string {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
    return this.path(file);
  }

  cli(...argv: readonly string[]): Promise<CliEnded> {
    return runCli(argv, { SEALPOST_SERVER: this.#url() });
  }

  /** Writes a document and applies it. */
  apply(text: string, ...flags: readonly string[]): Promise<CliEnded> {
    return this.cli('apply', this.write('sealpost.yaml', text), ...flags);
  }

  remove(): void {
    this.#folder.remove();
  }
}

/** A server's REST API, without the command line. */
export function restApi(url: () => string): ResourceApi {
  return async ({ method, path, query, body }) => {
    const target = new URL(`/v1/${path.split('/').map(encodeURIComponent).join('/')}`, url());
    target.pathname = target.pathname.replaceAll('%3A', ':');
    for (const [name, value] of Object.entries(query ?? {})) target.searchParams.set(name, value);
    const answer = await fetch(target, { method, ...(body && { body: JSON.stringify(body) }) });
    const json = (await answer.json()) as JsonObject;
    if (answer.ok) return json;
    const { status, message } = json['error'] as { status: string; message: string };
    throw Object.assign(new Error(`${method} ${path}: ${message}`), { code: status });
  };
}
