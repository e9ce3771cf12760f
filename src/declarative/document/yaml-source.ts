import {
  isAlias,
  isCollection,
  isNode,
  isPair,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type Node,
} from 'yaml';
import type { Place, Problem } from './problem.ts';

export const documentBytesMax: number = 10 * 1024 * 1024;
const tooDeep = 'is nested too deep';
const top: Place = { line: 1, column: 1 };

/** The nodes of a document, its aliases known, nothing of it read yet. */
export interface YamlSource {
  readonly root: Node | null;
  readonly problems: readonly Problem[];
  placeOf(node: Node): Place;
  /** What stands for an alias; undefined if nothing does. */
  targetOf(alias: Alias): Node | undefined;
}

/** Parses YAML 1.2. Whatever is wrong with its form is told as problems. */
export function yamlSource(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parsed(text, lines);
  if (typeof document === 'string') return broken(document);
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const found = [...document.errors, ...document.warnings];
  // The parser is recursive, and may find out in one of its expressions.
  if (found.some(({ message }) => /stack overflow|call stack/i.test(message)))
    return broken(tooDeep);
  const problems = found.map(({ pos, message, code }) => ({
    place: placeAt(pos[0]),
    path: '',
    message: code === 'DUPLICATE_KEY' ? 'a name may stand here only once' : firstLine(message),
  }));
  // What is there beside an error of form is anybody's guess.
  const isBroken = document.errors.some(({ code }) => code !== 'DUPLICATE_KEY');
  const targets = new Map<Alias, Node>();
  linkAliases(document.contents, new Map(), targets);
  return {
    root: isBroken ? null : document.contents,
    problems,
    placeOf: ({ range }) => (range ? placeAt(range[0]) : top),
    targetOf: (alias) => targets.get(alias),
  };
}

function parsed(text: string, lineCounter: LineCounter): Document | string {
  if (Buffer.byteLength(text) > documentBytesMax) {
    return `must be at most ${documentBytesMax} bytes`;
  }
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, version: '1.2' });
  } catch (error) {
    if (error instanceof RangeError) return tooDeep;
    throw error;
  }
}

function broken(message: string): YamlSource {
  return {
    root: null,
    problems: [{ place: top, path: '', message }],
    placeOf: () => top,
    targetOf: () => undefined,
  };
}

function firstLine(message: string): string {
  const [line = ''] = message.split('\n');
  return line.charAt(0).toLowerCase() + line.slice(1);
}

/** In the order of the document: an alias means the anchor of its name that came last. */
function linkAliases(root: unknown, anchors: Map<string, Node>, targets: Map<Alias, Node>): void {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (isPair(node)) waiting.push(node.value, node.key);
    if (!isNode(node)) continue;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
      continue;
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isCollection(node)) {
      // Last in, first out.
      for (let at = node.items.length - 1; at >= 0; at--) waiting.push(node.items[at]);
    }
  }
}
