/** The public half of a key with which an account signs. */
export interface AccountKey {
  /** 40 hexadecimal digits; the `kid` of what it signs. */
  readonly id: string;
  /** Who made it: we, or its owner, who uploaded the public half. */
  readonly origin: 'GOOGLE_PROVIDED' | 'USER_PROVIDED';
  /** SubjectPublicKeyInfo in DER, base64. */
  readonly publicKey: string;
  readonly validAfterMs: number;
  /** Null: it has no end. */
  readonly validBeforeMs: number | null;
  readonly isDisabled: boolean;
}

/** What is kept of an API key: never its text. */
export interface ApiKey {
  /** Twelve characters of base64url, which the text holds too. */
  readonly id: string;
  /** Base64 of the SHA-256 of a prefix and the key's text. */
  readonly hash: string;
  readonly createdMs: number;
  readonly displayName: string;
}

/** A service account: who programs are. */
export interface ServiceAccount {
  readonly email: string;
  readonly project: string;
  /** 21 digits, drawn at creation: another account of the same email is another one. */
  readonly uid: string;
  readonly displayName: string;
  readonly description: string;
  readonly isDisabled: boolean;
  readonly createdMs: number;
  readonly keys: readonly AccountKey[];
  readonly apiKeys: readonly ApiKey[];
}

/** As policies name it. */
export const accountMember = (email: string): string => `serviceAccount:${email}`;

/** Keys and API keys of one account, at most, and accounts of one project and of the server. */
export const accountLimits: {
  readonly keys: number;
  readonly apiKeys: number;
  readonly perProject: number;
  readonly accounts: number;
} = { keys: 10, apiKeys: 100, perProject: 1_000, accounts: 20_000 };
