/** Names and numbers of PKCS#11 (OASIS, version 2.40) that are used here. */
export const returnValues = {
  CKR_OK: 0x0,
  CKR_GENERAL_ERROR: 0x5,
  CKR_FUNCTION_FAILED: 0x6,
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_MEMORY: 0x31,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_ENCRYPTED_DATA_INVALID: 0x40,
  CKR_ENCRYPTED_DATA_LEN_RANGE: 0x41,
  CKR_AEAD_DECRYPT_FAILED: 0x42,
  CKR_FUNCTION_NOT_SUPPORTED: 0x54,
  CKR_KEY_HANDLE_INVALID: 0x60,
  CKR_KEY_FUNCTION_NOT_PERMITTED: 0x68,
  CKR_MECHANISM_INVALID: 0x70,
  CKR_MECHANISM_PARAM_INVALID: 0x71,
  CKR_OBJECT_HANDLE_INVALID: 0x82,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_INVALID: 0xa1,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
  CKR_SESSION_CLOSED: 0xb0,
  CKR_SESSION_COUNT: 0xb1,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_TOKEN_NOT_RECOGNIZED: 0xe1,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
} as const;

/** `CKR_PIN_INCORRECT`, or the number in hexadecimal digits for a name that is not ours. */
export function nameOfReturnValue(value: number): string {
  const [name] = Object.entries(returnValues).find(([, number]) => number === value) ?? [];
  return name ?? `CKR 0x${value.toString(16)}`;
}

export const mechanisms = {
  aesKeyGen: 0x1080,
  aesCbc: 0x1082,
  aesCtr: 0x1086,
  aesGcm: 0x1087,
  genericSecretKeyGen: 0x350,
  hmacSha1: 0x221,
  hmacSha224: 0x256,
  hmacSha256: 0x251,
  hmacSha384: 0x261,
  hmacSha512: 0x271,
} as const;

export const attributes = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  sign: 0x108,
  verify: 0x10a,
  valueLength: 0x161,
  extractable: 0x162,
  modifiable: 0x170,
} as const;

export const secretKeyClass = 4;
export const aesKeyType = 0x1f;
export const genericSecretKeyType = 0x10;

/** CKF_SERIAL_SESSION and CKF_RW_SESSION. */
export const readWriteSession = 0x6;
export const userLogin = 1;

/** Of CK_TOKEN_INFO.flags. */
export const tokenFlags = {
  isInitialized: 0x400,
  isFinalTry: 0x20000,
  isPinLocked: 0x40000,
} as const;
