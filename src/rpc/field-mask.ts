/** `ack_deadline_seconds` for `ackDeadlineSeconds`; leaves snake_case as it is. */
export function snakeCase(path: string): string {
  return path.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `ackDeadlineSeconds` for `ack_deadline_seconds`; leaves camelCase as it is. */
export function camelCase(path: string): string {
  return path.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
