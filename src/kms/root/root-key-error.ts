/** The root key cannot be opened or sealed; one line that says what is wrong and what to do. */
export class RootKeyError extends Error {
  override name = 'RootKeyError';
}
