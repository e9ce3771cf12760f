import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type ConditionAttributes, parseCondition, requireCondition } from './condition.ts';

const ring = 'projects/p/locations/global/keyRings/r';
const attributes: ConditionAttributes = {
  resourceName: `${ring}/cryptoKeys/k`,
  resourceType: 'cloudkms.googleapis.com/CryptoKey',
  timeMs: Date.parse('2026-06-15T12:34:56.789Z'),
};

const holds = (expression: string): boolean | null =>
  parseCondition(expression)?.holds(attributes) ?? null;

describe('a condition', () => {
  test.each([
    [`resource.name.startsWith("${ring}/")`, true],
    [`resource.name.startsWith('projects/other/')`, false],
    [`resource.name == "${ring}/cryptoKeys/k"`, true],
    [`resource.name != "${ring}/cryptoKeys/k"`, false],
    [`"${ring}/cryptoKeys/k" == resource.name`, true],
    ['resource.name.endsWith("/k")', true],
    ['resource.name.contains("keyRings")', true],
    ['resource.type == "cloudkms.googleapis.com/CryptoKey"', true],
    ['resource.service == "cloudkms.googleapis.com"', true],
    ['request.time < timestamp("2026-06-15T12:34:56.790Z")', true],
    ['request.time < timestamp("2026-06-15T12:34:56.789Z")', false],
    ['request.time <= timestamp("2026-06-15T14:34:56.789+02:00")', true],
    ['timestamp("2026-01-01T00:00:00Z") < request.time', true],
    ['request.time >= timestamp("2027-01-01T00:00:00Z")', false],
    ['request.time - timestamp("2026-06-15T12:00:00Z") > duration("30m")', true],
    ['request.time + duration("1h") < timestamp("2026-06-15T13:00:00Z")', false],
    ['true', true],
    ['!true', false],
    ['!(false || !true) && true', true],
    ['false && true || true', true],
    ['false && (true || true)', false],
    ['  resource.type\n==\t"x" || true ', true],
    [String.raw`"it's \"k\"" == 'it\'s "k"'`, true],
    [String.raw`"\x41" == r"A"`, true],
    ['resource.name == "a" || // either\n true', true],
    ['resource.name < "z"', true],
    ['resource.type in ["a", "cloudkms.googleapis.com/CryptoKey"]', true],
    ['resource.type in ["a"]', false],
    ['true ? resource.name.endsWith("k") : false', true],
    ['(resource.type == "a" ? "x" : "y") == "y"', true],
    ['has(resource.name) && !has(resource.type)', false],
    ['resource.name.extract("/keyRings/{ring}/") == "r"', true],
    ['resource.name.extract("/cryptoKeys/{key}") == "k"', true],
    ['resource.name.extract("nowhere/{key}/") == ""', true],
    ['request.time.getFullYear() == 2026 && request.time.getMonth() == 5', true],
    ['request.time.getDate() == 15 && request.time.getDayOfMonth() == 14', true],
    ['request.time.getDayOfWeek() == 1 && request.time.getDayOfYear() == 165', true],
    ['request.time.getHours() == 12 && request.time.getMinutes() == 34', true],
    ['request.time.getSeconds() == 56 && request.time.getMilliseconds() == 789', true],
    ['request.time.getHours("Europe/Berlin") == 14', true],
    ['request.time.getHours("America/Los_Angeles") == 5', true],
    ['request.time.getHours("-08:00") == 4', true],
  ])('%s is %s', (expression, expected) => {
    expect(holds(expression)).toBe(expected);
    expect(() => requireCondition(expression)).not.toThrow();
  });

  test.each([
    ['', 'no expression'],
    ['resource.name', 'type bool'],
    ['"a"', 'type bool'],
    ['true false', 'no expression'],
    ['true &&', 'no expression'],
    ['(true', 'no expression'],
    ['true)', 'no expression'],
    ['resource.name.matches("^p")', 'matches'],
    ['resource.name.constructor("p")', 'constructor'],
    ['resource.name.toString() == "a"', 'toString'],
    ['resource.name + "a" == "b"', '_+_'],
    ['resource.name == timestamp("2026-01-01T00:00:00Z")', '_==_'],
    ['resource.constructor == "x"', 'resource.constructor'],
    ['has(resource.labels)', 'resource.labels'],
    ['resource.matchTag("a/b", "c")', 'matchTag'],
    ['resource.hasTagKey("a/b")', 'hasTagKey'],
    ['request.auth.claims.sub == "x"', 'request.auth.claims.sub'],
    ['request.time == "2026-01-01T00:00:00Z"', '_==_'],
    ['request.time < timestamp("2026-01-01")', 'timestamp'],
    ['request.time < timestamp(resource.name)', 'timestamp'],
    ['request.time > timestamp("2026-02-30T00:00:00Z")', 'timestamp'],
    ['request.time.getHours("Nowhere/Land") == 1', 'getHours'],
    ['resource.name.extract(resource.type) == "a"', 'extract'],
    ['api.getAttribute("x", []).hasOnly(["a"])', 'hasOnly'],
    ['destination.port == 1', 'destination.port'],
    ['["a"].exists(x, x == "a")', 'macros'],
    ['["a"].all(x, x == "a")', 'macros'],
    ['["a"].map(x, x) == ["a"]', 'macros'],
    ['"a" in []', 'list'],
    ['{"a": true}["a"]', '_[_]'],
    ['1 / 0 == 1', '_/_'],
    ['1.5 < 2.5', 'constants'],
    ['resource', 'resource'],
    ['resource.name == "unterminated', 'no expression'],
    [`${'('.repeat(1_000)}true${')'.repeat(1_000)}`, 'no expression'],
    [`${'true == ('.repeat(60)}true${')'.repeat(60)}`, 'deeper'],
    [`true${' || true'.repeat(200)}`, 'parts'],
    [`resource.name == "${'a'.repeat(1_025)}"`, 'longer'],
    [`true${' '.repeat(40)}`, 'blanks'],
    [`${' '.repeat(2_048)}true`, 'longer'],
  ])('of which %# is refused by name', (expression, named) => {
    expect(parseCondition(expression)).toBeNull();
    expect(() => requireCondition(expression)).toThrowError(named);
  });

  test('of which one part is not evaluated is not evaluated, whatever stands around it', () => {
    const unknown = 'resource.matchTag("a/b", "c")';
    for (const shape of ['!(?)', '? || true', 'true || ?', 'false && ?', '!(false && ?)']) {
      expect(parseCondition(shape.replace('?', unknown))).toBeNull();
    }
  });

  test('says whether its answer may change as time passes', () => {
    expect(parseCondition('resource.name == "a"')?.readsTime).toBe(false);
    expect(parseCondition('true || request.time.getHours() == 3')?.readsTime).toBe(true);
  });

  test('means what its operators mean, however they nest', () => {
    type Tree = { readonly text: string; readonly value: boolean };
    const leaf: fc.Arbitrary<Tree> = fc.constantFrom(
      { text: 'true', value: true },
      { text: 'false', value: false },
      { text: 'resource.name.endsWith("/k")', value: true },
      { text: 'request.time > timestamp("2030-01-01T00:00:00Z")', value: false },
    );
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        tie('tree').map(({ text, value }) => ({ text: `!(${text})`, value: !value })),
        fc.tuple(tie('tree'), tie('tree')).map(([one, two]) => ({
          text: `(${one.text}) && (${two.text})`,
          value: one.value && two.value,
        })),
        fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([one, two, three]) => ({
          text: `((${one.text}) ? (${two.text}) : (${three.text}))`,
          value: one.value ? two.value : three.value,
        })),
      ),
    }));
    fc.assert(
      fc.property(tree, ({ text, value }) => {
        const condition = parseCondition(text);
        // Long ones are refused whole; what is evaluated is evaluated right.
        fc.pre(condition !== null);
        expect(condition?.holds(attributes)).toBe(value);
      }),
    );
  });

  test('never throws, whatever it is made of', () => {
    const parts = ['resource', '.', 'name', '(', ')', '"a"', "'", '!', '&&', '==', '\\', '\0'];
    const part = fc.constantFrom(...parts, 'request.time', 'has', '?', ':', '[', ']', '{', '}');
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 20 }), (some) => {
        parseCondition(some.join(' '))?.holds(attributes);
      }),
    );
  });
});
