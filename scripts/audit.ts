/**
 * `npm run audit`: fails if a package that users install has a known vulnerability of high severity.
 *
 * A registry that answers no audits, as mirrors often do, is named and is no failure: there is
 * nothing to learn from it.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

interface AuditAnswer {
  /** Of an audit that did not happen. */
  readonly error?: { readonly summary?: string; readonly detail?: string };
  readonly message?: string;
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly range: string; readonly via: unknown[] }>
  >;
}

const severe = new Set(['high', 'critical']);

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: join(import.meta.dirname, '..'),
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
const answer = JSON.parse(stdout === '' ? '{}' : stdout) as AuditAnswer;
if (answer.vulnerabilities === undefined) {
  const why = answer.message ?? answer.error?.summary ?? 'no answer';
  console.log(`no audit: the registry answers none here (${why})`);
} else {
  const found = Object.entries(answer.vulnerabilities);
  for (const [name, { severity, range }] of found) console.log(`${severity}: ${name} ${range}`);
  console.log(`${found.length} packages with known vulnerabilities`);
  process.exitCode = found.some(([, { severity }]) => severe.has(severity)) ? 1 : 0;
}
