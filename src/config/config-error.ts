/** The command line or the environment asks for something that cannot be. The message says what. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
