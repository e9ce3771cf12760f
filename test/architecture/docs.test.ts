import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/index.ts';
import { optionTable } from '../../src/config/index.ts';
import { createMetrics } from '../../src/metrics/index.ts';
import { literal, repositoryFiles, textOf, typescriptFiles, isTest, visit } from './sources.ts';

const docs = repositoryFiles().filter((file) => file.endsWith('.md'));
const scripts = (JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }).scripts;

/** Every match of the pattern's first group, once, sorted. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].toSorted();
}

test('docs/config.md shows exactly the options that are parsed', () => {
  const page = textOf('docs/config.md');
  expect(page).toContain(optionTable());
  const rows = found(page, /^\| `(--[a-z-]+)` \|/gm);
  expect(rows).toEqual(found(optionTable(), /^\| `(--[a-z-]+)` \|/gm));
});

test('docs/config.md shows exactly the commands that there are', () => {
  const rows = found(textOf('docs/config.md'), /^\| `sealpost ([a-z]+)` \|/gm);
  expect(rows).toEqual(commands.map(({ name }) => name).toSorted());
});

async function registered(): Promise<string[]> {
  const source = {
    backlogs: () => Promise.resolve([]),
    storeStats: () => ({ diskBytes: 0, segmentCount: 0 }),
    openedBytes: () => 0,
  };
  return found(await createMetrics(source).text(), /^# TYPE (\S+) /gm);
}

function isOwn(name: string): boolean {
  return /^(pubsub|sealpost)_/.test(name);
}

function ofHistogram(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}

describe('metrics', () => {
  const dashboards = repositoryFiles().filter((file) => file.startsWith('grafana/dashboards/'));
  const metricNames = /\b((?:pubsub|sealpost|process|nodejs)_[a-z0-9_]+)/g;

  test('docs/metrics.md names exactly the metrics that are registered', async () => {
    const documented = found(textOf('docs/metrics.md'), /`((?:pubsub|sealpost)_[a-z0-9_]+)`/g);
    expect(documented).toEqual((await registered()).filter(isOwn));
  });

  test.skipIf(process.platform !== 'linux')(
    'docs/metrics.md names exactly the process metrics (Linux has more of them)',
    async () => {
      const documented = found(textOf('docs/metrics.md'), /`((?:process|nodejs)_[a-z0-9_]+)`/g);
      expect(documented).toEqual((await registered()).filter((name) => !isOwn(name)));
    },
  );

  test('dashboards show every metric of ours, and none that does not exist', async () => {
    const names = await registered();
    const shown = dashboards.flatMap((file) => found(textOf(file), metricNames));
    const known = (name: string): boolean =>
      names.includes(name) || names.includes(ofHistogram(name));
    expect(shown.filter((name) => !known(name))).toEqual([]);
    const all = new Set([...shown, ...shown.map(ofHistogram)]);
    // The older name repeats another metric, and a dashboard need not show it twice.
    const missing = names.filter((name) => isOwn(name) && !all.has(name));
    expect(missing).toEqual(['pubsub_subscription_num_unacked_messages']);
  });

  test('the recording rules give every metric of Cloud Monitoring its name there', async () => {
    const rules = textOf('grafana/rules/google-cloud-names.yml');
    const pairs = [...rules.matchAll(/record: (\S+)\n\s+expr: (\S+)/g)];
    for (const [, record, expr] of pairs) {
      expect(record).toBe(expr?.replace('pubsub_', 'pubsub_googleapis_com:'));
    }
    const current = (await registered()).filter(
      (name) => name.startsWith('pubsub_') && !name.endsWith('_num_unacked_messages'),
    );
    expect(pairs.map(([, , expr]) => expr ?? '').toSorted()).toEqual(current);
  });
});

describe('README', () => {
  test.each(['npm ci && npm start', 'npm ci && npm test'])('says %s', (command) => {
    expect(textOf('README.md').split('\n')).toContain(command);
  });

  test('its table leads to every page of docs', () => {
    const table = textOf('README.md').split('## Read on')[1] ?? '';
    const pages = docs.filter((file) => /^docs\/[^/]+$/.test(file)).toSorted();
    expect(found(table, /\]\((docs\/[a-z-]+\.md)\)/g)).toEqual(pages);
  });
});

test('every npm script that a page names exists', () => {
  const missing = docs.flatMap((file) =>
    found(textOf(file), /npm run ([a-z:]+)/g)
      .filter((name) => scripts[name] === undefined)
      .map((name) => `${file}: npm run ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every file of the repository that a page names exists', () => {
  const files = new Set(repositoryFiles());
  const folders = new Set(
    [...files].flatMap((file) =>
      file.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/')),
    ),
  );
  const named =
    /`((?:src|test|docs|bench|scripts|grafana|proto|bin)\/[A-Za-z0-9._/-]*[A-Za-z0-9])\/?`/g;
  const missing = docs.flatMap((page) =>
    found(textOf(page), named)
      .filter((file) => !files.has(file) && !folders.has(file))
      .map((file) => `${page}: ${file}`),
  );
  expect(missing).toEqual([]);
});

/** A reason that is passed on is found as the literal, or the head of the template, that made it. */
test('docs/errors.md lists the reasons that are thrown, and none that is not', () => {
  const thrown = new Set<string>();
  const literals = new Set<string>();
  const heads = new Set<string>();
  for (const file of typescriptFiles().filter((each) => each.startsWith('src/') && !isTest(each))) {
    visit(file, {
      Literal: (node) => void literals.add(literal(node) ?? ''),
      TemplateLiteral: ({ quasis: [head] }) => {
        if (/^[A-Z]+_$/.test(head?.value.raw ?? '')) heads.add(head?.value.raw ?? '');
      },
      NewExpression: ({ callee, arguments: args }) => {
        if (callee.type !== 'Identifier' || callee.name !== 'RpcError') return;
        const reason = literal(args[1]);
        if (reason !== null) thrown.add(reason);
      },
    });
  }
  const documented = found(textOf('docs/errors.md'), /^\| `([A-Z][A-Z0-9_]+)` \|/gm);
  expect([...thrown].filter((reason) => !documented.includes(reason)).toSorted()).toEqual([]);
  const isMade = (reason: string): boolean =>
    literals.has(reason) || [...heads].some((head) => reason.startsWith(head));
  expect(documented.filter((reason) => !isMade(reason))).toEqual([]);
});
