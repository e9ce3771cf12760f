import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes src/proto from proto/. The generator's TypeScript has enums, which Node cannot strip;
 * they become constant objects of the same names and values. The tools are fetched for the run,
 * since they are larger than all our dependencies together and are needed once a year.
 */
const outDir = 'src/proto';
const tools = ['@bufbuild/buf@1.75.0', '@bufbuild/protoc-gen-es@2.17.0'];
const template = {
  version: 'v2',
  plugins: [{ local: 'protoc-gen-es', out: outDir, opt: ['target=ts', 'import_extension=.ts'] }],
};

/** Rewrites each `export enum` as a constant object and the union of its values. */
function withoutEnums(source: string): string {
  return source.replaceAll(
    /export enum (\w+) \{([\s\S]*?)\n\}/g,
    (_, name: string, body: string) => {
      const members = body.replaceAll(/^(\s+\w+) = (-?\d+),/gm, '$1: $2,');
      const union = `export type ${name} = (typeof ${name})[keyof typeof ${name}];`;
      return `export const ${name} = {${members}\n} as const;\n${union}`;
    },
  );
}

function generatedFiles(): string[] {
  return readdirSync(outDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('_pb.ts'))
    .map((name) => join(outDir, name));
}

rmSync(outDir, { recursive: true, force: true });
execFileSync(
  'npx',
  [
    '--yes',
    ...tools.flatMap((tool) => ['--package', tool]),
    '--',
    'buf',
    'generate',
    'proto',
    '--template',
    JSON.stringify(template),
  ],
  { stdio: 'inherit' },
);
for (const file of generatedFiles()) {
  writeFileSync(file, withoutEnums(readFileSync(file, 'utf8')));
}
