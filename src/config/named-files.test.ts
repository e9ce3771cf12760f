import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { requireNamedFiles } from './named-files.ts';
import { parseConfig } from './parse-config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-named-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function holding(text: string): string {
  const path = join(folder, 'file');
  writeFileSync(path, text);
  return path;
}

const remote = ['--roles', 'broker', '--kms-endpoint', 'https://kms.example'];
const options: readonly (readonly [string, readonly string[]])[] = [
  ['--outgoing-ca', []],
  ['--ekm-ca', ['--ekm-host', 'ekm.example']],
  ['--kms-ca', remote],
];

const check = (option: string, beside: readonly string[], path: string): void =>
  requireNamedFiles(parseConfig([...beside, option, path], {}));

const [first = '', second = ''] = rootCertificates;

describe.each([...options, ['--kms-token-file', remote] as const])('%s', (option, beside) => {
  test('is refused where there is no such file', () => {
    const path = join(folder, 'absent');
    const refusal = new ConfigError(`${option} ${path} cannot be read: there is no such file.`);
    expect(() => check(option, beside, path)).toThrow(refusal);
  });

  test('is refused for a directory', () => {
    const refusal = new ConfigError(`${option} ${folder} cannot be read: it is a directory.`);
    expect(() => check(option, beside, folder)).toThrow(refusal);
  });

  test('is left to its user where it is no file to be read twice', () => {
    expect(() => check(option, beside, '/dev/null')).not.toThrow();
  });
});

describe.each(options)('%s', (option, beside) => {
  test.each([
    ['nothing', ''],
    ['other text', 'hello'],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['a broken certificate', first.replace(/\n.{40}/, '\n')],
    ['a broken certificate behind a good one', first + second.replace(/\n.{40}/, '\n')],
    ['a certificate that is cut off', first.slice(0, 300)],
  ])('is refused where it holds %s', (_, text) => {
    const path = holding(text);
    const refusal = new ConfigError(`${option} ${path} is no PEM file of certificates.`);
    expect(() => check(option, beside, path)).toThrow(refusal);
  });

  test('takes certificates, with text between them', () => {
    const path = holding(`# one\n${first}\n# two\n${second}\n`);
    expect(() => check(option, beside, path)).not.toThrow();
  });
});

test('an empty token file is refused, and one with a token is taken', () => {
  const path = holding(' \n');
  const refusal = new ConfigError(`--kms-token-file ${path} is empty.`);
  expect(() => check('--kms-token-file', remote, path)).toThrow(refusal);
  expect(() => check('--kms-token-file', remote, holding('token\n'))).not.toThrow();
});
