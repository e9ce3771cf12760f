/** Resource ids of pubsub.v1: `[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}`, not beginning with `goog`. */
export const goodIds: readonly string[] = [
  'abc',
  `a${'b'.repeat(254)}`,
  'A-_.~+%z',
  'percent%25',
  'percent%2Fslash',
  'a..',
  'xgoog',
  'GOOG',
];

export const badIds: readonly string[] = [
  'ab',
  `a${'b'.repeat(255)}`,
  '1abc',
  '-abc',
  'googabc',
  'a b c',
  'naïve',
  'a:bc',
  'a*bc',
];

/** The text of a bad name. */
export function invalidName(name: string): { readonly code: string; readonly message: string } {
  return {
    code: 'INVALID_ARGUMENT',
    message: `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  };
}

export function notFound(id: string): { readonly code: string; readonly message: string } {
  return { code: 'NOT_FOUND', message: `Resource not found (resource=${id}).` };
}

export function alreadyExists(id: string): { readonly code: string; readonly message: string } {
  return {
    code: 'ALREADY_EXISTS',
    message: `Resource already exists in the project (resource=${id}).`,
  };
}

export function invalid(message: string): { readonly code: string; readonly message: string } {
  return { code: 'INVALID_ARGUMENT', message };
}

/** Google's sentence around an argument. */
export function badArgument(argument: string): { readonly code: string; readonly message: string } {
  return invalid(`You have passed an invalid argument to the service (argument=${argument}).`);
}

/** Exactly-once delivery is for pull and streaming pull alone. */
export const exactlyOncePushed: { readonly code: string; readonly message: string } = invalid(
  'Exactly-once delivery is not supported for push subscriptions.',
);

/** Pull and StreamingPull where messages are pushed. */
export const notPulled: { readonly code: string; readonly message: string } = {
  code: 'FAILED_PRECONDITION',
  message: 'This method is not supported for this subscription type.',
};
