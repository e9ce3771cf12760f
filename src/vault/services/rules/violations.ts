import { RpcError } from '../../../rpc/index.ts';

interface Violation {
  readonly field: string;
  readonly description: string;
}

/** What is wrong with a specification, field by field, in the order in which it was found. */
export class Violations {
  readonly #invalid: Violation[] = [];
  readonly #unsupported: Violation[] = [];

  /** The value breaks a rule of Cloud Run. */
  add(field: string, description: string): void {
    this.#invalid.push({ field, description });
  }

  /** Cloud Run has it, this server does not. */
  refuse(field: string, what: string): void {
    this.#unsupported.push({ field, description: `${what} not supported by this server.` });
  }

  /** Throws INVALID_ARGUMENT with every violation, or UNIMPLEMENTED; nothing if there is none. */
  raise(): void {
    if (this.#invalid.length > 0) throw errorOf('INVALID_ARGUMENT', this.#invalid);
    if (this.#unsupported.length > 0) throw errorOf('UNIMPLEMENTED', this.#unsupported);
  }
}

function errorOf(
  code: 'INVALID_ARGUMENT' | 'UNIMPLEMENTED',
  violations: readonly Violation[],
): RpcError {
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join('\n');
  const reason = code === 'UNIMPLEMENTED' ? 'FIELD_NOT_SUPPORTED' : 'INVALID_ARGUMENT';
  return new RpcError(code, reason, text, {
    details: [
      { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations },
    ],
  });
}

/** Whether a decimal integer without sign or leading zeros, within bounds. */
export function isWhole(text: string, least: number, most: number): boolean {
  if (!/^(0|[1-9][0-9]{0,8})$/.test(text)) return false;
  return Number(text) >= least && Number(text) <= most;
}
