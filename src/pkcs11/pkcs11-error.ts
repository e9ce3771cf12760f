/**
 * What a caller can do about it. `unavailable`, `deadline` and `busy`: try again later.
 * `configuration`: the operator has to act;
 * `pinRefused`: and then start anew, since a few wrong PINs lock a token. `missingKey`: the token holds no such key.
 * `unsupported`: the token cannot do that. `refused`: it did not want to.
 */
export type Pkcs11Fault =
  | 'unavailable'
  | 'deadline'
  | 'busy'
  | 'configuration'
  | 'pinRefused'
  | 'missingKey'
  | 'unsupported'
  | 'refused';

/** A token that did not do what it was asked; the message names the function and its answer. */
export class Pkcs11Error extends Error {
  override name = 'Pkcs11Error';
  readonly fault: Pkcs11Fault;

  constructor(fault: Pkcs11Fault, message: string) {
    super(message);
    this.fault = fault;
  }
}
