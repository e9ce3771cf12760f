import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root: string = join(import.meta.dirname, '..');
/** What editors read of `sealpost/client`, in a clone and in a package alike. */
export const clientTypesPath: string = join(root, 'bin', 'client.d.ts');

const header = `/**
 * The types of sealpost/client, made from src/client by \`npm run client-types\`: one file, so that
 * they serve without a build, and whatever a program allows itself in its imports.
 */
// What is private makes a class unlike all others, used or not.
/* oxlint-disable no-unused-private-class-members */
`;

/** The declarations that `folder`, where tsc wrote those of src/client, exports, as one module. */
export function clientTypes(folder: string): string {
  const index = readFileSync(join(folder, 'index.d.ts'), 'utf8');
  const names = [...index.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(
    ([, isType = '', list = '']) =>
      list
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '')
        .map((name) => `${name.startsWith('type ') ? '' : isType}${name}`),
  );
  const declarations = declarationsIn(folder);
  const needed = closure(
    names.map((name) => name.replace('type ', '')),
    declarations,
  );
  const texts = [...declarations].filter(([name]) => needed.has(name)).map(([, text]) => text);
  const list = names.toSorted().map((name) => `  ${name},\n`);
  return `${header}${texts.join('')}export {\n${list.join('')}};\n`;
}

/** Every top-level declaration below a folder with its comment, by name. */
function declarationsIn(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  const declarations = new Map<string, string>();
  for (const file of files.filter((each) => /(?<!index)\.d\.ts$/.test(each))) {
    for (const text of statementsOf(readFileSync(join(folder, file), 'utf8'))) {
      const name = /^(?:export )?(?:declare )?(?:\w+) (\w+)/m.exec(withoutComments(text))?.[1];
      if (name === undefined || /^(import|export \{)/m.test(text)) continue;
      if (declarations.has(name)) throw new Error(`${name} is declared twice in src/client.`);
      declarations.set(name, text.replace(/^export /m, ''));
    }
  }
  return declarations;
}

/** tsc begins each statement, and the comment before it, at the start of a line. */
function statementsOf(source: string): string[] {
  const starts = /^(?=\/\*\*|(?<!\*\/\n)(?:export|declare|import|interface|type|class)\b)/m;
  return source.split(starts);
}

const withoutComments = (text: string): string => text.replaceAll(/\/\*[^]*?\*\//g, '');

/** The names, and those that their declarations use. */
function closure(
  names: readonly string[],
  declarations: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const needed = new Set(names);
  for (const name of needed) {
    const text = declarations.get(name);
    if (text === undefined) throw new Error(`src/client exports ${name} and declares it nowhere.`);
    for (const [word] of withoutComments(text).matchAll(/\b[A-Z]\w*|(?<=\btypeof )\w+/g)) {
      if (declarations.has(word)) needed.add(word);
    }
  }
  return needed;
}

if (import.meta.main) {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-types-'));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly'];
  execFileSync(process.execPath, [tsc, ...options, '--outDir', folder]);
  writeFileSync(clientTypesPath, clientTypes(join(folder, 'client')));
  rmSync(folder, { recursive: true });
}
