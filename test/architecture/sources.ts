/**
 * The repository's files as the architecture tests see them: what there is, what each imports,
 * what each calls. Parsed by oxc-parser, so that a comment or a string is never taken for code.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync, Visitor, type ParseResult, type VisitorObject } from 'oxc-parser';

export const root: string = join(import.meta.dirname, '..', '..');

/** Every committed or committable file, relative to the root, with forward slashes. */
export function repositoryFiles(): string[] {
  const argv = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', argv, { cwd: root, encoding: 'utf8' });
  const files = [...new Set(listed.split('\n'))];
  return files.filter((file) => file !== '' && existsSync(join(root, file))).toSorted();
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** TypeScript written by hand: generated protobuf code follows its generator's habits. */
export function typescriptFiles(): string[] {
  return repositoryFiles().filter((file) => file.endsWith('.ts') && !file.startsWith('src/proto/'));
}

export function isTest(file: string): boolean {
  return /\.(test|case)\.ts$/.test(file) || file.startsWith('test/');
}

/** `crypto` for `src/crypto/x.ts`, `server.ts` for `src/server.ts`, null outside of src. */
export function folderOf(file: string): string | null {
  const [top, second] = file.split('/');
  return top === 'src' && second !== undefined ? second : null;
}

export interface Import {
  /** As written, or null when it is computed. */
  readonly request: string | null;
  readonly isTypeOnly: boolean;
  readonly line: number;
}

const parsed = new Map<string, { text: string; result: ParseResult }>();

function parse(file: string): { text: string; result: ParseResult } {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const text = textOf(file);
  const result = parseSync(file, text);
  if (result.errors.length > 0) throw new Error(`${file}: ${result.errors[0]?.message}`);
  parsed.set(file, { text, result });
  return { text, result };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Static imports, re-exports, dynamic imports, import types and require calls. */
export function importsOf(file: string): Import[] {
  const { text, result } = parse(file);
  const imports: Import[] = [];
  const add = (request: string | null, isTypeOnly: boolean, offset: number): void => {
    imports.push({ request, isTypeOnly, line: lineAt(text, offset) });
  };
  for (const statement of result.module.staticImports) {
    const { entries } = statement;
    const isTypeOnly = entries.length > 0 && entries.every((entry) => entry.isType);
    add(statement.moduleRequest.value, isTypeOnly, statement.start);
  }
  for (const { entries } of result.module.staticExports) {
    for (const { moduleRequest, isType, start } of entries) {
      if (moduleRequest !== null) add(moduleRequest.value, isType, start);
    }
  }
  visit(file, {
    ImportExpression: ({ source, start }) => add(literal(source), false, start),
    TSImportType: ({ source, start }) => add(literal(source), true, start),
    CallExpression: ({ callee, arguments: [first], start }) => {
      if (callee.type === 'Identifier' && callee.name === 'require')
        add(literal(first), false, start);
    },
  });
  return imports;
}

/** Walks the syntax tree of a file. */
export function visit(file: string, visitor: VisitorObject): void {
  new Visitor(visitor).visit(parse(file).result.program);
}

export function lineOf(file: string, node: { start: number }): number {
  return lineAt(parse(file).text, node.start);
}

/** The value of a string literal, or null. */
export function literal(node: unknown): string | null {
  const { type, value } = (node ?? {}) as { type?: string; value?: unknown };
  return type === 'Literal' && typeof value === 'string' ? value : null;
}

/** The file that a relative import of `file` means. */
export function resolveImport(file: string, request: string): string {
  return posix.join(posix.dirname(file), request);
}
