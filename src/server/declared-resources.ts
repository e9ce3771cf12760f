import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import type { ApiServer } from '../api/index.ts';
import { ConfigError, type ServerConfig } from '../config/index.ts';
import {
  DiskFiles,
  DocumentError,
  performPlan,
  planFor,
  readDeclaration,
  type JsonObject,
  type ResourceApi,
  type Step,
} from '../declarative/index.ts';
import type { ServerPorts } from './ports.ts';

/** A step of `--config` that the server refused; what came before it is done. */
export class DeclaredStepError extends Error {
  override name = 'DeclaredStepError';
}

/** What `--config` asks for at a start. */
export interface DeclaredStart {
  /** Whether all of it is there. */
  readonly isDone: () => boolean;
  /**
   * Makes it so, through the server's own API.
   *
   * @throws ConfigError, DeclaredStepError
   */
  readonly apply: (server: Pick<ApiServer, 'ask'>) => Promise<void>;
}

const nothing: DeclaredStart = { isDone: () => true, apply: () => Promise.resolve() };

/** Reads the file, before anything is opened. @throws ConfigError with every line that is wrong */
export function declaredStart(
  { resourcesFile: file }: ServerConfig,
  { clock, log }: ServerPorts,
): DeclaredStart {
  if (file === null) return nothing;
  const files = new DiskFiles(dirname(file));
  const declaration = checked(file, () => readDeclaration(readFileSync(file), file, files));
  let isDone = false;
  const apply: DeclaredStart['apply'] = async (server) => {
    const api = ownApi(server);
    const onWarning = (line: string): void => log.warn({ line }, 'a line of --config does nothing');
    const options = { isPruning: false, files, nowMs: clock.wallMs(), onWarning };
    const steps = await planFor(declaration, api, options).catch((error: unknown) => {
      throw asConfigError(file, error);
    });
    const told = ({ action, noun, name }: Step): void => {
      log.info({ action, kind: noun, name }, 'did what --config asks for');
    };
    const { done, failed, left } = await performPlan(steps, api, told);
    if (failed !== undefined) throw stepError(file, failed, left.length);
    log.info({ file, steps: done.length }, 'everything is as --config says');
    isDone = true;
  };
  return { isDone: () => isDone, apply };
}

function checked<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw asConfigError(file, error);
  }
}

function asConfigError(file: string, error: unknown): unknown {
  if (!(error instanceof DocumentError)) return error;
  return new ConfigError(`--config ${file} cannot be applied:\n${error.message}`);
}

function stepError(
  file: string,
  { step, error }: { readonly step: Step; readonly error: unknown },
  leftCount: number,
): DeclaredStepError {
  const { action, noun, name } = step;
  const why = error instanceof Error ? error.message : String(error);
  return new DeclaredStepError(
    `--config ${file}: ${action} ${noun} ${name} failed: ${why} ` +
      `Steps after it, not tried: ${leftCount}. Those before it are done, and the next start goes on.`,
    { cause: error },
  );
}

function ownApi(server: Pick<ApiServer, 'ask'>): ResourceApi {
  return async ({ method, path, query, body }) => {
    const request = { method, path: `/v1/${path}`, userAgent: 'sealpost-config' };
    const answer = await server.ask({ ...request, ...(query && { query }), ...(body && { body }) });
    return answer as JsonObject;
  };
}
