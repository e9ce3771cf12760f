import { isScalar, listOf, type ValueType } from './value-types.ts';

/** The result's type for operands of these types, a method's target first; null: it takes others. */
export type Signature = (operands: readonly ValueType[]) => ValueType | null;

const takes =
  (wanted: readonly ValueType[], result: ValueType): Signature =>
  (operands) =>
    wanted.length === operands.length && wanted.every((type, at) => type === operands[at])
      ? result
      : null;

const oneOf =
  (...signatures: readonly Signature[]): Signature =>
  (operands) => {
    for (const signature of signatures) {
      const result = signature(operands);
      if (result !== null) return result;
    }
    return null;
  };

const equality: Signature = ([left, right]) =>
  left !== undefined && left === right && isScalar(left) ? 'bool' : null;

const ordered: ReadonlySet<ValueType> = new Set(['duration', 'int', 'string', 'time']);

const order: Signature = ([left, right]) =>
  left !== undefined && left === right && ordered.has(left) ? 'bool' : null;

const choice: Signature = ([condition, one, other]) =>
  condition === 'bool' && one !== undefined && one === other ? one : null;

const membership: Signature = ([element, list]) =>
  element !== undefined && isScalar(element) && list === listOf(element) ? 'bool' : null;

/** By the names that the parser gives to operators. */
export const operators: ReadonlyMap<string, Signature> = new Map([
  ['!_', takes(['bool'], 'bool')],
  ['_&&_', takes(['bool', 'bool'], 'bool')],
  ['_||_', takes(['bool', 'bool'], 'bool')],
  ['_==_', equality],
  ['_!=_', equality],
  ['_<_', order],
  ['_<=_', order],
  ['_>_', order],
  ['_>=_', order],
  ['_?_:_', choice],
  ['@in', membership],
  ['_+_', oneOf(takes(['time', 'duration'], 'time'), takes(['duration', 'time'], 'time'))],
  ['_-_', oneOf(takes(['time', 'duration'], 'time'), takes(['time', 'time'], 'duration'))],
]);

const stringTest = takes(['string', 'string'], 'bool');
const timePart = oneOf(takes(['time'], 'int'), takes(['time', 'string'], 'int'));

const methods: ReadonlyMap<string, Signature> = new Map([
  ['startsWith', stringTest],
  ['endsWith', stringTest],
  ['contains', stringTest],
  ['extract', takes(['string', 'string'], 'string')],
  ...[
    'getDate',
    'getDayOfMonth',
    'getDayOfWeek',
    'getDayOfYear',
    'getFullYear',
    'getHours',
    'getMilliseconds',
    'getMinutes',
    'getMonth',
    'getSeconds',
  ].map((name): [string, Signature] => [name, timePart]),
]);

const functions: ReadonlyMap<string, Signature> = new Map([
  ['timestamp', takes(['string'], 'time')],
  ['duration', takes(['string'], 'duration')],
]);

/** What is called by its name; undefined for what is not evaluated here. */
export function methodOf(name: string, hasTarget: boolean): Signature | undefined {
  return (hasTarget ? methods : functions).get(name);
}
