/** Thrown where data departs from its schema, and caught at the door; `message` is the verdict. */
export class Violation extends Error {
  override readonly name: string = 'Violation';
  readonly #fields: string[] = [];

  /** The same, of what the field of a schema holds: told from the innermost outwards. */
  within(field: string): this {
    this.#fields.push(field);
    return this;
  }

  /** `order.price: …`: names of the schema, never of the message. */
  get verdict(): string {
    if (this.#fields.length === 0) return this.message;
    const path = this.#fields.toReversed().join('.');
    return `${path.length > pathMax ? `…${path.slice(-pathMax)}` : path}: ${this.message}`;
  }
}

const pathMax = 120;

/** Runs a check that throws at the first departure. What else it throws is a departure, too. */
export function verdictOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof Violation) return shortened(error.verdict);
    return error instanceof Error ? shortened(error.message) : 'The message could not be read.';
  }
}

/** A verdict may quote the message; never much of it. */
function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** A name or text out of a definition or message, short enough for an error. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
