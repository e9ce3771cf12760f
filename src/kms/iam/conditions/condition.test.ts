import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConditionAttributes, parseCondition } from './condition.ts';

const ring = 'projects/p/locations/global/keyRings/r';
const attributes: ConditionAttributes = {
  resourceName: `${ring}/cryptoKeys/k`,
  resourceType: 'cloudkms.googleapis.com/CryptoKey',
  timeMs: Date.parse('2026-06-15T12:00:00Z'),
};

const holds = (expression: string): boolean | null =>
  parseCondition(expression)?.(attributes) ?? null;

describe('a condition', () => {
  test.each([
    [`resource.name.startsWith("${ring}/")`, true],
    [`resource.name.startsWith('projects/other/')`, false],
    [`resource.name == "${ring}/cryptoKeys/k"`, true],
    [`resource.name != "${ring}/cryptoKeys/k"`, false],
    [`"${ring}/cryptoKeys/k" == resource.name`, true],
    ['resource.name.endsWith("/k")', true],
    ['resource.type == "cloudkms.googleapis.com/CryptoKey"', true],
    ['resource.service == "cloudkms.googleapis.com"', true],
    ['request.time < timestamp("2026-06-15T12:00:00.001Z")', true],
    ['request.time < timestamp("2026-06-15T12:00:00Z")', false],
    ['request.time <= timestamp("2026-06-15T14:00:00+02:00")', true],
    ['timestamp("2026-01-01T00:00:00Z") < request.time', true],
    ['request.time >= timestamp("2027-01-01T00:00:00Z")', false],
    ['true', true],
    ['!true', false],
    ['!(false || !true) && true', true],
    ['false && true || true', true],
    ['false && (true || true)', false],
    ['  resource.type\n==\t"x" || true ', true],
    [String.raw`"it's \"k\"" == 'it\'s "k"'`, true],
  ])('%s is %s', (expression, expected) => {
    expect(holds(expression)).toBe(expected);
  });

  test.each([
    '',
    'resource.name',
    '"a"',
    'true false',
    'true &&',
    '(true',
    'true)',
    'resource.name.matches("^p")',
    'resource.name.constructor("p")',
    'resource.name.startsWith(resource.name)',
    'resource.name < "z"',
    'resource.name == timestamp("2026-01-01T00:00:00Z")',
    'resource.constructor == "x"',
    'resource.matchTag("a/b", "c")',
    'request.auth.claims == "x"',
    'request.time == "2026-01-01T00:00:00Z"',
    'request.time.getFullYear() == 2026',
    'request.time < timestamp("2026-01-01")',
    'request.time > timestamp("2026-02-30T00:00:00Z")',
    'api.getAttribute("x", []).hasOnly(["a"])',
    'resource.name == "a" # comment',
    'resource.name == "unterminated',
    String.raw`resource.name == "\x41"`,
    'resource.name == r"raw"',
    `${'('.repeat(40)}true${')'.repeat(40)}`,
    `${'!'.repeat(2000)}true`,
    Array.from({ length: 300 }, () => 'true').join(' || '),
  ])('%s is not evaluated', (expression) => {
    expect(parseCondition(expression)).toBeNull();
  });

  test('of which one part is not evaluated is not evaluated, whatever stands around it', () => {
    const unknown = 'resource.matchTag("a/b", "c")';
    for (const shape of ['!(?)', '? || true', 'true || ?', 'false && ?', '!(false && ?)']) {
      expect(parseCondition(shape.replace('?', unknown))).toBeNull();
    }
  });

  test('means what its operators mean, however deep they nest', () => {
    type Tree = { readonly text: string; readonly value: boolean };
    const leaf: fc.Arbitrary<Tree> = fc.constantFrom(
      { text: 'true', value: true },
      { text: 'false', value: false },
      { text: 'resource.name.endsWith("/k")', value: true },
      { text: 'request.time > timestamp("2030-01-01T00:00:00Z")', value: false },
    );
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        leaf,
        tie('tree').map(({ text, value }) => ({ text: `!(${text})`, value: !value })),
        fc.tuple(tie('tree'), tie('tree')).map(([one, two]) => ({
          text: `(${one.text}) && (${two.text})`,
          value: one.value && two.value,
        })),
        fc.tuple(tie('tree'), tie('tree')).map(([one, two]) => ({
          text: `((${one.text}) || (${two.text}))`,
          value: one.value || two.value,
        })),
      ),
    }));
    fc.assert(
      fc.property(tree, ({ text, value }) => {
        const condition = parseCondition(text);
        // Long ones are refused whole; what is evaluated is evaluated right.
        fc.pre(condition !== null);
        expect(condition?.(attributes)).toBe(value);
      }),
    );
  });

  test('never throws, whatever it is made of', () => {
    const parts = ['resource', '.', 'name', '(', ')', '"a"', "'", '!', '&&', '==', '\\', '\0'];
    const part = fc.constantFrom(...parts, 'request.time');
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 20 }), (some) => {
        parseCondition(some.join(' '))?.(attributes);
      }),
    );
  });
});
