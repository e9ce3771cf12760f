/** What the vault asks the key service for; each has one of the seed's five reasons. */
export type VaultKeyPurpose = 'start' | 'wrap' | 'deploy' | 'encrypt_check' | 'decrypt_check';

/** The audit log's words for them, literally the seed's. */
export const keyPurposes: Readonly<Record<VaultKeyPurpose, string>> = {
  start: 'Decrypting CMEK-encrypted layer during container clone start.',
  wrap: 'Encrypting a newly created data-encryption-key w/ the customer-managed-encryption-key.',
  deploy:
    'Decrypting an existing encrypted data-encryption-key, under the same customer-managed-encryption-key, to be used to encrypt container contents.',
  encrypt_check:
    'Performing an encrypt operation on dummy data to check the customer-managed-encryption-key status and access.',
  decrypt_check:
    'Performing a decrypt operation on dummy data to check the customer-managed-encryption-key status and access.',
};
