/**
 * config: every setting of the server, in one table.
 *
 * The command line wins over the environment, the environment over the default. What comes out is
 * complete and checked; what cannot be is refused with one sentence that says why.
 */
export type { OidcIssuer } from './access-values.ts';
export type { Environment } from './arguments.ts';
export { ConfigError } from './config-error.ts';
export {
  processEnvironment,
  type RootKeySurroundings,
  takeRootKeySurroundings,
} from './environment.ts';
export { requireNamedFiles } from './named-files.ts';
export { packageVersion } from './package-version.ts';
export { parseConfig, parseDataDir } from './parse-config.ts';
export type { KmsEndpoint, Role } from './role-values.ts';
export type { LogLevel, ServerConfig, SuiteChoice, RootKeySource } from './server-config.ts';
export { isLoopback } from './values.ts';
export { optionLines, optionTable } from './usage.ts';
