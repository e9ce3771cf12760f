/**
 * Runs in a machine before any code of a user. It takes what it needs of the language for itself,
 * so that code which overwrites JSON or a prototype later changes nothing of what is read here.
 * Nothing of the host goes in: one string comes with each call, one string goes back.
 *
 * `bind(udf, dataMax)` gives the function for calls: JSON of `{ message, metadata, seed }` to
 * `null` (filtered), JSON of `{ data, attributes? }` or of `{ error }`. `describe(thrown)` gives a
 * text for people, whatever was thrown.
 */
export const prelude: string = `(() => {
'use strict';
const { parse, stringify } = JSON;
const { apply, defineProperty } = Reflect;
const { slice } = String.prototype;
const text = String, PromiseOfEcma = Promise;
const textMax = 1024;
const cut = (whole) => (whole.length > textMax ? apply(slice, whole, [0, textMax]) : whole);

const part = (thrown, name) => {
  try {
    const value = thrown[name];
    return typeof value === 'string' ? cut(value) : '';
  } catch {
    return '';
  }
};

const describe = (thrown) => {
  if (typeof thrown === 'string') return cut(thrown);
  const isObject = typeof thrown === 'object' ? thrown !== null : typeof thrown === 'function';
  if (!isObject) return cut(text(thrown));
  const name = part(thrown, 'name') || 'Error';
  const message = part(thrown, 'message');
  const stack = part(thrown, 'stack');
  return cut(name + (message && ': ' + message) + (stack && '\\n' + stack));
};

let a = 0, b = 0, c = 0, counter = 0;
const word = () => {
  const sum = (a + b + counter) | 0;
  counter = (counter + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = ((c << 21) | (c >>> 11)) + sum | 0;
  return sum >>> 0;
};
const sow = (seed) => {
  a = seed[0], b = seed[1], c = seed[2], counter = 1;
  for (let i = 0; i < 12; i++) word();
};
const random = () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
defineProperty(Math, 'random', { __proto__: null, value: random, writable: true, configurable: true });
delete globalThis.SharedArrayBuffer;

const wrong = (error) => stringify({ __proto__: null, error });
const kindOf = (value) => {
  if (typeof value !== 'object') return typeof value;
  return value instanceof PromiseOfEcma ? 'a promise' : 'an object';
};

const read = (result, dataMax) => {
  if (result === null) return 'null';
  if (typeof result !== 'object') return wrong('The function must return an object or null; it returned ' + kindOf(result) + '.');
  const { data, attributes } = result;
  if (typeof data !== 'string') return wrong("The function must return a string as 'data'; it returned " + kindOf(result) + " with 'data' of type " + typeof data + '.');
  if (data.length > dataMax) return wrong("The 'data' that the function returned is too large.");
  return stringify({ __proto__: null, data, attributes });
};

const bind = (udf, dataMax) => (json) => {
  const { message, metadata, seed } = parse(json);
  sow(seed);
  try {
    return read(udf(message, metadata), dataMax);
  } catch (thrown) {
    return wrong(describe(thrown));
  }
};
return { bind, describe };
})()`;
