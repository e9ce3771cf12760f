/**
 * kms: key rings, keys, versions, IAM and the root key; KEKs never leave it.
 *
 * Broker and vault know only the KeyService port. Fails closed.
 */
export type {
  AccessReason,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyChange,
  KeyService,
} from './key-service.ts';
