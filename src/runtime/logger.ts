/** Fields of a log line. Never key bytes, plaintext, ciphertext or associated data. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The logger port. pino implements it in the composition root; domain code knows only this. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  fatal(fields: LogFields, message: string): void;
}

const nothing = (): void => undefined;

/** Drops every line; the default of tests. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
};
