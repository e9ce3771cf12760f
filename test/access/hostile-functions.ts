/** Code that its author would rather not have run as what it is: the body of a hostile call. */
export interface Hostile {
  readonly name: string;
  /** Runs for the message 'bad', and before the function returns the message unchanged. */
  readonly body: string;
  /** 'harmless': whatever it does, its own message may pass. */
  readonly ends: RegExp | 'harmless';
}

/** A machine that is slow may stay in native code until its thread is ended. */
const late = /did not finish within|had to be stopped/;
const memory =
  /memory|too large|too long|invalid string length|invalid array|did not finish|had to be stopped|stack/i;
const stack = /stack|memory|did not finish|had to be stopped/i;

const endless: readonly Hostile[] = [
  { name: 'a loop', body: 'for (;;);', ends: late },
  { name: 'a loop that catches', body: 'for (;;) try { for (;;); } catch {}', ends: late },
  { name: 'a loop in finally', body: 'try { for (;;); } finally { for (;;); }', ends: late },
  { name: 'a loop in a getter', body: 'return { get data() { for (;;); } };', ends: late },
  {
    name: 'a loop in toJSON',
    body: "return { data: '', attributes: { toJSON() { for (;;); } } };",
    ends: late,
  },
  {
    name: 'a loop in a proxy',
    body: 'return new Proxy({}, { get() { for (;;); } });',
    ends: late,
  },
  {
    name: 'a loop in ownKeys of the attributes',
    body: "return { data: '', attributes: new Proxy({}, { ownKeys() { for (;;); } }) };",
    ends: late,
  },
  { name: 'a loop in toString', body: 'return `${{ toString() { for (;;); } }}`;', ends: late },
  {
    name: 'a loop in toPrimitive',
    body: 'return { [Symbol.toPrimitive]() { for (;;); } } + 1;',
    ends: late,
  },
  {
    name: 'a loop in the text of an error',
    body: 'throw { get message() { for (;;); } };',
    ends: late,
  },
  {
    name: 'a loop in the stack of an error',
    body: 'throw { get stack() { for (;;); } };',
    ends: late,
  },
  {
    name: 'a loop in prepareStackTrace',
    body: 'Error.prepareStackTrace = () => { for (;;); }; null.x;',
    ends: /did not finish|TypeError/,
  },
  {
    name: 'a loop in hasInstance',
    body: 'Object.defineProperty(Promise, Symbol.hasInstance, { value() { for (;;); } }); return {};',
    ends: late,
  },
  {
    name: 'a loop in a generator',
    body: 'function* all() { for (;;) yield 1; } for (const _ of all());',
    ends: late,
  },
  { name: 'a loop in eval', body: "eval('for (;;);');", ends: late },
  { name: 'a loop in a function from text', body: "Function('for (;;);')();", ends: late },
  {
    name: 'a regular expression that backtracks',
    body: "/(a+)+$/.test('a'.repeat(40) + 'b');",
    ends: late,
  },
  {
    name: 'sorting without end',
    body: 'Array.from({ length: 1e5 }, (_, i) => -i).sort(() => { for (;;); });',
    ends: late,
  },
];

const native: readonly Hostile[] = [
  {
    name: 'a search through a length without end',
    body: '[].indexOf.call({ length: 2 ** 53 - 1 }, 1);',
    ends: /had to be stopped/,
  },
  {
    name: 'joining four billion holes',
    body: "new Array(2 ** 32 - 1).join('');",
    ends: /had to be stopped|memory/,
  },
];

const greedy: readonly Hostile[] = [
  { name: 'a string of a gigabyte', body: "'x'.repeat(2 ** 30);", ends: memory },
  { name: 'padding of a gigabyte', body: "'x'.padEnd(2 ** 30 - 2);", ends: memory },
  { name: 'strings that double', body: "let s = 'x'; for (;;) s += s;", ends: memory },
  {
    name: 'arrays without end',
    body: 'const a = []; for (;;) a.push(new Array(1e4).fill(0));',
    ends: memory,
  },
  {
    name: 'a map without end',
    body: "const m = new Map(); for (let i = 0; ; i++) m.set(i, 'x'.repeat(1e4) + i);",
    ends: memory,
  },
  { name: 'a buffer of two gigabytes', body: 'new ArrayBuffer(2 ** 31);', ends: memory },
  { name: 'a list from a length', body: 'Array.from({ length: 1e9 });', ends: memory },
  {
    name: 'a number of a billion bits',
    body: 'let n = 2n; for (;;) n *= n;',
    ends: memory,
  },
  {
    name: 'memory that is caught',
    body: 'const a = []; for (;;) try { for (;;) a.push(new Uint8Array(1e6)); } catch {}',
    ends: memory,
  },
  {
    name: 'data that is too large',
    body: "return { data: 'x'.repeat(10_000_001) };",
    ends: /too large/,
  },
  {
    name: 'data whose bytes are too many',
    body: "return { data: 'é'.repeat(5_000_001) };",
    ends: /too large/,
  },
  {
    name: 'a million attributes',
    body: "const attributes = {}; for (let i = 0; i < 1e5; i++) attributes['k' + i] = 'v'; return { data: '', attributes };",
    ends: /more than 100|memory|did not finish|had to be stopped/,
  },
];

const deep: readonly Hostile[] = [
  { name: 'recursion', body: '(function g() { g(); })();', ends: stack },
  {
    name: 'recursion that is caught',
    body: '(function g() { try { g(); } finally { g(); } })();',
    ends: stack,
  },
  { name: 'JSON in JSON', body: "JSON.parse('['.repeat(1e6));", ends: stack },
  {
    name: 'a deep list as JSON',
    body: 'let a = []; for (let i = 0; i < 3e5; i++) a = [a]; JSON.stringify(a);',
    ends: stack,
  },
  { name: 'brackets in eval', body: "eval('('.repeat(1e5));", ends: stack },
  {
    name: 'a deep proxy',
    body: 'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x;',
    ends: stack,
  },
  {
    name: 'bound functions of bound functions',
    body: 'let g = () => 1; for (let i = 0; i < 1e5; i++) g = g.bind(); g();',
    ends: stack,
  },
];

const escapes: readonly Hostile[] = [
  ...[
    'process',
    'require',
    'console',
    'fetch',
    'setTimeout',
    'WebAssembly',
    'SharedArrayBuffer',
    'Atomics',
    'postMessage',
    'Buffer',
    'navigator',
    'performance',
  ].map((name) => ({
    name: `the host's ${name}`,
    body: `${name}.toString();`,
    ends: new RegExp(`ReferenceError: '?${name}`),
  })),
  {
    name: 'the constructor of a function of ours',
    body: "Math.random.constructor('return process')();",
    ends: /ReferenceError: '?process/,
  },
  {
    name: 'the caller of the function',
    body: 'throw String(f.caller);',
    ends: /undefined|null|TypeError|Error/,
  },
  {
    name: 'the frames of the stack',
    body: "throw new Error().stack.includes('/') ? 'path' : 'none';",
    ends: /^none$/,
  },
  {
    name: 'a module of the host',
    body: "import('node:fs').then((fs) => { throw fs; });",
    ends: 'harmless',
  },
  {
    name: 'the time of the host',
    body: 'throw String(Date.now() === Date.now() && Date());',
    ends: /GMT\+0000/,
  },
  {
    name: 'jobs that wait',
    body: 'Promise.resolve().then(() => { for (;;); });',
    ends: 'harmless',
  },
  {
    name: 'an end for a collected object',
    body: 'new FinalizationRegistry(() => { for (;;); }).register({}, 1);',
    ends: 'harmless',
  },
];

const tamperings: readonly Hostile[] = [
  {
    name: 'another JSON',
    body: 'JSON.parse = JSON.stringify = () => \'{"data":"forged"}\';',
    ends: 'harmless',
  },
  {
    name: 'no built-ins',
    body: 'for (const name of Object.getOwnPropertyNames(globalThis)) delete globalThis[name];',
    ends: 'harmless',
  },
  {
    name: 'toJSON for all objects',
    body: 'Object.prototype.toJSON = () => ({ error: 1, data: 2 });',
    ends: 'harmless',
  },
  {
    name: 'other setters for all',
    body: "for (const key of ['data', 'attributes', 'error', '0']) Object.defineProperty(Object.prototype, key, { set() { throw 1; }, get() { return 'forged'; } });",
    ends: 'harmless',
  },
  {
    name: 'other strings',
    body: 'String.prototype.slice = String.prototype.toString = Array.prototype[Symbol.iterator] = () => { throw 1; };',
    ends: 'harmless',
  },
  {
    name: 'another Reflect',
    body: 'Reflect.apply = Function.prototype.call = Function.prototype.apply = () => { throw 1; };',
    ends: 'harmless',
  },
  {
    name: 'frozen built-ins',
    body: '[Object, Array, JSON, Math, Object.prototype, globalThis].forEach(Object.freeze);',
    ends: 'harmless',
  },
  { name: 'itself', body: 'f = globalThis.f = () => null;', ends: 'harmless' },
  {
    name: 'data that changes',
    body: "let n = 0; return { get data() { return n++ ? { toString: 1 } : 'once'; } };",
    ends: 'harmless',
  },
  {
    name: 'a prototype among the attributes',
    body: 'return { data: \'\', attributes: JSON.parse(\'{"__proto__":{"a":"b"}}\') };',
    ends: /'__proto__' is not a string/,
  },
  { name: 'a promise', body: 'return Promise.resolve(message);', ends: /a promise/ },
  {
    name: 'a promise that never settles',
    body: 'return new Promise(() => {});',
    ends: /a promise/,
  },
  { name: 'a generator', body: 'return (function* () { yield message; })();', ends: /'data'/ },
  { name: 'nothing', body: 'return undefined;', ends: /returned undefined/ },
  { name: 'a symbol', body: 'return Symbol();', ends: /returned symbol/ },
  { name: 'a big number as data', body: 'return { data: 1n };', ends: /of type bigint/ },
  {
    name: 'a string object as data',
    body: "return { data: new String('x') };",
    ends: /of type object/,
  },
  { name: 'half a character', body: "return { data: '\\ud83d' };", ends: /Unicode/ },
  {
    name: 'a circle',
    body: 'const a = {}; a.a = a; return { data: "", attributes: a };',
    ends: /circular/,
  },
  {
    name: 'a revoked proxy',
    body: 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy;',
    ends: /TypeError/,
  },
  { name: 'an error without words', body: 'throw undefined;', ends: /undefined/ },
  {
    name: 'an error whose text throws',
    body: 'throw { get message() { throw 1; }, toString() { throw 1; } };',
    ends: /^Error$/,
  },
  {
    name: 'an error with a long text',
    body: "throw new Error('x'.repeat(1e6));",
    ends: /^Error: x{900,1024}$/,
  },
  {
    name: 'an error of the host’s kind',
    body: "throw { kind: 'answer', json: '{}', name: 'UdfRefusal', message: 'm' };",
    ends: /^UdfRefusal: m$/,
  },
];

export const hostiles: readonly Hostile[] = [
  ...endless,
  ...native,
  ...greedy,
  ...deep,
  ...escapes,
  ...tamperings,
];
