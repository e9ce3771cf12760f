import { describe, expect, test } from 'vitest';
import { isTest, lineOf, repositoryFiles, textOf, typescriptFiles, visit } from './sources.ts';

const files = repositoryFiles();
const written = typescriptFiles();
const own = 'test/architecture/tidy.test.ts';

/** Text that people wrote: neither the lock file nor what a tool made of Google's definitions. */
const prose = files.filter(
  (file) =>
    /\.(ts|js|json|md|ya?ml|sh|txt)$|\.ci\/run$/.test(file) &&
    file !== 'package-lock.json' &&
    file !== own &&
    !/^(proto|src\/api\/proto|test\/vectors)\//.test(file),
);

function linesMatching(file: string, pattern: RegExp): string[] {
  return textOf(file)
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : []));
}

describe('sizes', () => {
  test('a source has at most 400 lines, a test 600', () => {
    const tooLong = written
      .map((file) => ({ file, lines: textOf(file).split('\n').length - 1 }))
      .filter(
        ({ file, lines }) => lines > (/^(src|scripts)\//.test(file) && !isTest(file) ? 400 : 600),
      )
      .map(({ file, lines }) => `${file}: ${lines}`);
    expect(tooLong).toEqual([]);
  });

  test('a folder of src has at most 20 files beside its tests', () => {
    const counts = new Map<string, number>();
    for (const file of written.filter((each) => each.startsWith('src/') && !isTest(each))) {
      const folder = file.slice(0, file.lastIndexOf('/'));
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    expect([...counts].filter(([, count]) => count > 20)).toEqual([]);
  });
});

describe('names', () => {
  test('files and folders are kebab-case nouns, and none is a drawer for leftovers', () => {
    const drawers = /^(utils?|common|helpers?|shared|types|misc|lib)$/;
    const bad = written.filter((file) =>
      file.split('/').some((part) => {
        const stem = part.replace(/(\.[a-z]+)*\.ts$/, '');
        return drawers.test(stem) || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem);
      }),
    );
    expect(bad).toEqual([]);
  });

  test('a door begins with 3 to 8 lines that say what its folder owns, and only exports', () => {
    const doors = written.filter((file) => /^src\/[^/]+\/index\.ts$/.test(file));
    const bad = doors.filter((door) => {
      const header = /^\/\*\*\n( \*.*\n)+? \*\/\n/.exec(textOf(door))?.[0] ?? '';
      const lines = header.split('\n').length - 1;
      return (
        lines < 3 ||
        lines > 10 ||
        !/^(\s|export (type )?(\{[^}]*\}|\*) from '\.[^']+';)*$/.test(
          textOf(door).slice(header.length),
        )
      );
    });
    expect(doors.length).toBeGreaterThan(5);
    expect(bad).toEqual([]);
  });
});

/** Files that speak of the root of an image, where a place is the same everywhere. */
const imageFiles =
  /^(?:docs\/(?:vault|deployment)\.md|deploy\/container\/|test\/delivery\/|src\/vault\/(?:instances|layers|trees)\/|test\/vault\/|test\/support\/instance-)/;

function isInsideImage(line: string): boolean {
  return imageFiles.test(line) && !/[\s'"`=(:]\/(?:work|home|Users)[/'"`)]/.test(line);
}

describe('leftovers', () => {
  test('nothing is left to do', () => {
    expect(prose.flatMap((file) => linesMatching(file, /\b(TODO|FIXME|XXX|HACK)\b/))).toEqual([]);
  });

  test('no test is singled out, and none is skipped without a condition and a name', () => {
    const complaints: string[] = [];
    for (const file of written.filter(isTest)) {
      visit(file, {
        CallExpression: (node) => {
          const { callee, arguments: args } = node;
          if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return;
          const { name } = callee.property;
          const owner = callee.object.type === 'Identifier' ? callee.object.name : '';
          const isRunner = ['test', 'it', 'describe'].includes(owner);
          const isBad =
            (isRunner && ['only', 'todo', 'skip', 'fails'].includes(name)) ||
            (!isRunner && name === 'skip' && args.length === 0);
          if (isBad) complaints.push(`${file}:${lineOf(file, node)} ${owner}.${name}`);
        },
      });
    }
    expect(complaints).toEqual([]);
  });

  test('no file names a place that exists on one machine only', () => {
    const places =
      /(^|[\s'"`=(:])\/(work|tmp|root|home|Users)([/'"`)]|$)|registry\.npmjs|\/\.library\b/;
    const found = prose.flatMap((file) => linesMatching(file, places));
    expect(found.filter((line) => !isInsideImage(line))).toEqual([]);
  });

  test('the lock file fetches from no particular host', () => {
    const hosts = textOf('package-lock.json').match(/"resolved": "[a-z+]+:\/\/[^/"]+/g) ?? [];
    expect([...new Set(hosts)]).toEqual([]);
  });
});
