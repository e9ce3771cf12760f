/**
 * pkcs11: keys that live on a token and never leave it.
 *
 * The vendor's library runs in a process of its own, by koffi, which needs no compiler and no
 * install script. The only folder that imports koffi; knows nothing of key rings or root keys.
 */
export { Pkcs11Error, type Pkcs11Fault } from './pkcs11-error.ts';
export { Token, type TokenOptions } from './token-client.ts';
export type {
  BlockInput,
  GcmInput,
  HmacHash,
  KeyKind,
  MacInput,
  NewTokenKey,
  TokenPlace,
} from './token-request.ts';
export type { StartTokenWorker, TokenWorker, TokenWorkerEvents } from './token-worker.ts';
