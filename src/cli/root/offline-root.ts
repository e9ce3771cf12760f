import { resolve } from 'node:path';
import {
  ConfigError,
  parseConfig,
  processEnvironment,
  type ServerConfig,
} from '../../config/index.ts';
import type { Json } from '../connection/rest-api.ts';
import { nextStep, statusLines } from './root-actions.ts';
import { resealOptions, sealSourceNames } from './root-spec.ts';

/** What is asked of a stopped server's root key. */
export interface OfflineReseal {
  readonly to?: string;
  readonly isNewKey: boolean;
  readonly secrets: { readonly passphraseFile?: string; readonly wrappingKeyFile?: string };
}

/** The root key of a stopped server, by its files. Only the composition root can open them. */
export interface OfflineRoot {
  status(config: ServerConfig): Promise<Json>;
  reseal(config: ServerConfig, request: OfflineReseal): Promise<Json>;
}

export const isOffline = (argv: readonly string[]): boolean => argv.includes('--offline');

/**
 * `root status --offline` and `root reseal --offline`: its own flags, and those of serve, which say
 * where the files are and how the present seal is opened. Throws ConfigError for what it cannot read.
 */
export async function runOffline(
  argv: readonly string[],
  root: OfflineRoot,
  print: (line: string) => void,
): Promise<void> {
  const [command, ...flags] = argv;
  if (command !== 'status' && command !== 'reseal') {
    throw new ConfigError('Say sealpost root status or sealpost root reseal, then --offline.');
  }
  const { own, rest } = divided(flags.filter((flag) => flag !== '--offline'));
  const isJson = rest.includes('--json');
  const config = parseConfig(
    rest.filter((flag) => flag !== '--json'),
    processEnvironment(),
  );
  const status =
    command === 'status' ? await root.status(config) : await root.reseal(config, requestOf(own));
  if (isJson) return print(JSON.stringify(status, null, 2));
  if (command === 'reseal') print('Sealed anew.');
  for (const line of statusLines(status)) print(line);
  if (command === 'reseal') print(nextStep(status));
}

/** The flags of a new seal, and all others. */
function divided(argv: readonly string[]): { own: Map<string, string>; rest: string[] } {
  const own = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argv[at]!) ?? [];
    const option = resealOptions.find((each) => each.name === name);
    if (option === undefined) rest.push(argv[at]!);
    else if (option.placeholder === undefined) own.set(option.name, 'true');
    else own.set(option.name, inline ?? argv[++at] ?? '');
  }
  return { own, rest };
}

function requestOf(own: ReadonlyMap<string, string>): OfflineReseal {
  const to = own.get('to');
  if (to !== undefined && !sealSourceNames.includes(to)) {
    throw new ConfigError(`--to must be one of ${sealSourceNames.join(', ')}, not "${to}".`);
  }
  const passphraseFile = own.get('passphrase-file');
  const wrappingKeyFile = own.get('wrapping-key-file');
  return {
    ...(to !== undefined && { to }),
    isNewKey: own.has('new-key'),
    secrets: {
      ...(passphraseFile !== undefined && { passphraseFile: resolve(passphraseFile) }),
      ...(wrappingKeyFile !== undefined && { wrappingKeyFile: resolve(wrappingKeyFile) }),
    },
  };
}
