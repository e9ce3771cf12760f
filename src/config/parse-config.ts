import { realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { refuseAccess } from './access-checks.ts';
import { gather, type Environment, type Given } from './arguments.ts';
import { ConfigError } from './config-error.ts';
import { options } from './options/options.ts';
import { requireWholeToken } from './options/root-key-options.ts';
import type { ServerConfig } from './server-config.ts';
import { refuseRoles } from './role-checks.ts';

/** The server's settings. Throws ConfigError with one sentence for the user. */
export function parseConfig(argv: readonly string[], env: Environment): ServerConfig {
  const fields = options.map((option) => option.field);
  const config = withDirectories(parseFields(argv, env, fields) as unknown as ServerConfig);
  refuseAccess(config);
  requireWholeToken(config);
  refuseRoles(config);
  return config;
}

/** `--data-dir` alone, for commands that work on a stopped server's files; an absolute path. */
export function parseDataDir(argv: readonly string[], env: Environment): string {
  return resolve(String(parseFields(argv, env, ['dataDir'])['dataDir']));
}

function parseFields(
  argv: readonly string[],
  env: Environment,
  fields: readonly (keyof ServerConfig)[],
): Record<string, unknown> {
  const givens = gather(argv, env, fields);
  const values: Record<string, unknown> = {};
  for (const option of options.filter((candidate) => fields.includes(candidate.field))) {
    const given = givens.get(option.field) ?? { text: option.default, source: `--${option.name}` };
    if (given.text !== null) values[option.field] = parseGiven(option.parse, given as Given);
  }
  return values;
}

function parseGiven(parse: (text: string) => unknown, given: Given): unknown {
  try {
    return parse(given.text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${given.source} ${error.message}, not "${given.text}".`);
  }
}

/** Absolute paths, the keys beside the data unless they were named, and never inside it. */
function withDirectories(config: ServerConfig): ServerConfig {
  const dataDir = resolve(config.dataDir);
  const named = config.keysDir as string | undefined;
  const keysDir = named === undefined ? `${dataDir}-keys` : resolve(named);
  const path = relative(realPath(dataDir), realPath(keysDir));
  if (path === '' || (path !== '..' && !path.startsWith(`..${sep}`))) {
    throw new ConfigError(
      `--keys-dir ${keysDir} is inside the data directory ${dataDir}: whoever copies the data ` +
        'would copy the keys with it. Choose a directory elsewhere.',
    );
  }
  return { ...config, dataDir, keysDir };
}

/** The path with the links of its existing part resolved: a link must not smuggle keys inside. */
function realPath(path: string): string {
  const rest: string[] = [];
  for (let head = path; ; head = dirname(head)) {
    try {
      return join(realpathSync(head), ...rest);
    } catch {
      if (dirname(head) === head) return path;
      rest.unshift(relative(dirname(head), head));
    }
  }
}
