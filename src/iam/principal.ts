/** Who calls, once that is known. */
export interface Principal {
  /**
   * As policies name it, in one spelling: `serviceAccount:EMAIL`, `user:EMAIL`,
   * `principal://ISSUER/subject/SUBJECT`; `operator:` where nobody is asked who he is.
   */
  readonly member: string;
  /** What the audit log has: an email or a subject; `anonymous` for the operator. */
  readonly email: string;
  /** Further members that it is among: `domain:D`, `principalSet://ISSUER/group/G`. */
  readonly groups: readonly string[];
  /** When what it showed ends: ms since the Unix epoch; Infinity where it does not. */
  readonly expiresAtMs: number;
  /** False once the account, key or certificate that it came with is refused. Asked at each call. */
  isValid(): boolean;
}

/** Whoever reaches a server that authenticates nobody: it may do everything. */
export const operator: Principal = {
  member: 'operator:',
  email: 'anonymous',
  groups: [],
  expiresAtMs: Number.POSITIVE_INFINITY,
  isValid: () => true,
};
