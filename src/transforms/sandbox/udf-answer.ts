import type { TransformLimits } from '../limits.ts';
import type { TransformableMessage } from '../transform.ts';

type Attributes = Readonly<Record<string, string>>;

/** What a function's answer comes to. */
export type ReadAnswer =
  | { readonly kind: 'transformed'; readonly data: string; readonly attributes: Attributes }
  | { readonly kind: 'filtered' }
  | { readonly kind: 'wrong'; readonly message: string };

/** The text without the lines of the stack that are ours. */
export function forAuthor(text: string): string {
  return text.replaceAll(/\n[^\n]*\(prelude\.js:[^\n]*/g, '').trimEnd();
}

/** Reads the prelude's JSON: whatever a function returned, only what a message may be comes out. */
export function readAnswer(
  json: string,
  before: TransformableMessage,
  limits: TransformLimits,
): ReadAnswer {
  const answer = JSON.parse(json) as null | Readonly<Record<string, unknown>>;
  if (answer === null) return { kind: 'filtered' };
  if (typeof answer['error'] === 'string')
    return { kind: 'wrong', message: forAuthor(answer['error']) };
  const data = answer['data'] as string;
  const attributes = Object.hasOwn(answer, 'attributes') ? answer['attributes'] : before.attributes;
  const message = wrongData(data, limits) ?? wrongAttributes(attributes, before, limits);
  if (message !== null) return { kind: 'wrong', message };
  return { kind: 'transformed', data, attributes: attributes as Attributes };
}

function wrongData(data: string, { dataBytesMax }: TransformLimits): string | null {
  if (!data.isWellFormed()) return "The 'data' that the function returned is not valid Unicode.";
  if (Buffer.byteLength(data) <= dataBytesMax) return null;
  return "The 'data' that the function returned is too large.";
}

function wrongAttributes(
  attributes: unknown,
  before: TransformableMessage,
  limits: TransformLimits,
): string | null {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    return "The 'attributes' that the function returned are not an object.";
  }
  const entries = Object.entries(attributes as Record<string, unknown>);
  if (entries.length > limits.attributesMax) {
    return `The function returned more than ${limits.attributesMax} attributes.`;
  }
  for (const [key, value] of entries) {
    // What the service itself added may stay.
    if (isOwn(before.attributes, key, value)) continue;
    const wrong = wrongAttribute(key, value, limits);
    if (wrong !== null) return wrong;
  }
  return null;
}

function isOwn(attributes: Attributes, key: string, value: unknown): boolean {
  return Object.hasOwn(attributes, key) && attributes[key] === value;
}

function wrongAttribute(key: string, value: unknown, limits: TransformLimits): string | null {
  if (typeof value !== 'string') return `The attribute '${named(key)}' is not a string.`;
  if (key === '') return 'The function returned an attribute with an empty key.';
  if (!key.isWellFormed() || !value.isWellFormed()) {
    return `The attribute '${named(key)}' is not valid Unicode.`;
  }
  if (key.startsWith('goog')) return `The attribute key '${named(key)}' is reserved.`;
  if (Buffer.byteLength(key) > limits.attributeKeyBytesMax) {
    return `The attribute key '${named(key)}' is too long.`;
  }
  if (Buffer.byteLength(value) <= limits.attributeValueBytesMax) return null;
  return `The value of the attribute '${named(key)}' is too long.`;
}

function named(key: string): string {
  return key.slice(0, 64).toWellFormed();
}
