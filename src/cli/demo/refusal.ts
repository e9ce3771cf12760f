/** The server said no; the message is what it said, with its code in front. */
export class Refusal extends Error {
  override name = 'Refusal';
}

/** The words of a refusal that must come. An answer instead of one is an error. */
export async function refusal(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  throw new Error('The broker answered what it had to refuse.');
}
