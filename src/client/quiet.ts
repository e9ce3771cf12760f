/** A promise whose rejection may be ignored: nothing is said of it but to who asks. */
export function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
