import { literal, visit } from './sources.ts';

/** Something that code outside of its home may not do. `home` holds path prefixes. */
export interface Ban {
  readonly what: string;
  readonly why: string;
  readonly home: readonly string[];
  /** Whether tests are bound too. */
  readonly bindsTests: boolean;
}

const time = 'time comes from the Clock port';
const chance = 'chance comes from the Entropy port';
/** It runs in browsers and imports nothing: its own port to time and chance is made there. */
const client = 'src/client/environment.ts';

/** Dotted names are calls or reads of globals; `node:` names are imports. */
export const bans: readonly Ban[] = [
  { what: 'Date.now', why: time, home: ['src/runtime/'], bindsTests: false },
  { what: 'new Date()', why: time, home: ['src/runtime/'], bindsTests: false },
  { what: 'performance', why: time, home: ['src/runtime/', client], bindsTests: false },
  ...['setTimeout', 'setInterval', 'setImmediate', 'node:timers', 'node:timers/promises'].map(
    (what) => ({
      what,
      why: time,
      home: ['src/runtime/', 'test/support/', 'test/crash/', client],
      bindsTests: true,
    }),
  ),
  { what: 'Math.random', why: chance, home: [], bindsTests: true },
  ...[
    'randomBytes',
    'randomFill',
    'randomFillSync',
    'randomUUID',
    'randomInt',
    'getRandomValues',
  ].map((what) => ({
    what,
    why: chance,
    home: ['src/runtime/', 'src/crypto/', client],
    bindsTests: false,
  })),
  {
    what: 'process.env',
    why: 'settings come from config',
    home: ['src/config/', 'src/runtime/'],
    bindsTests: false,
  },
  { what: 'console', why: 'lines go to the Logger port', home: ['src/cli/'], bindsTests: false },
  { what: 'vi.mock', why: 'our parts are injected, never mocked', home: [], bindsTests: true },
];

/** The bans that a file breaks, by name, with the place of each. */
export function usesIn(file: string): { what: string; start: number }[] {
  const uses: { what: string; start: number }[] = [];
  const add = (what: string, start: number): void => void uses.push({ what, start });
  visit(file, {
    MemberExpression: (node) => {
      const { object, property, computed, start } = node;
      if (object.type !== 'Identifier' || computed || property.type !== 'Identifier') return;
      add(`${object.name}.${property.name}`, start);
      if (object.name === 'globalThis') add(property.name, start);
      else if (object.name === 'console' || object.name === 'performance') add(object.name, start);
      else if (/crypto/i.test(object.name)) add(property.name, start);
    },
    NewExpression: ({ callee, arguments: args, start }) => {
      if (callee.type === 'Identifier' && callee.name === 'Date' && args.length === 0) {
        add('new Date()', start);
      }
    },
    CallExpression: ({ callee, start }) => {
      if (callee.type === 'Identifier')
        add(callee.name === 'Date' ? 'new Date()' : callee.name, start);
    },
    ImportDeclaration: ({ source, specifiers, start }) => {
      const from = literal(source) ?? '';
      add(from.startsWith('timers') ? `node:${from}` : from, start);
      if (!/^(node:)?(crypto|perf_hooks|process|timers)/.test(from)) return;
      for (const specifier of specifiers) {
        if (specifier.type !== 'ImportSpecifier' || specifier.imported.type !== 'Identifier')
          continue;
        add(specifier.imported.name === 'env' ? 'process.env' : specifier.imported.name, start);
      }
    },
  });
  return uses;
}
