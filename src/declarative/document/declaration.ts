import { normalize } from 'node:path';

import { declaredResources, type DeclaredResources } from './declared-resources.ts';
import { readDocument } from './document-reader.ts';
import { documentShape } from '../shapes/document-shape.ts';
import type { FileAccess } from '../file-access.ts';
import { inlineFiles } from './named-files.ts';
import { DocumentError, type Places, type Problem } from './problem.ts';
import { yamlSource } from './yaml-source.ts';

/** A document that was found right in itself; what a server has is not known here. */
export interface Declaration extends DeclaredResources {
  /** As errors name it. */
  readonly file: string;
  readonly places: Places;
}

/**
 * Reads a document and the files that it names.
 *
 * @throws DocumentError with every problem and its line
 */
export function readDeclaration(
  bytes: Uint8Array,
  file: string,
  files: Pick<FileAccess, 'read'>,
): Declaration {
  const { value, places, problems } = readDocument(yamlSource(textOf(bytes, file)), documentShape);
  const inlined = inlineFiles(value, documentShape, [], files);
  const resources = declaredResources(inlined.value);
  const found = [
    ...problems,
    ...inlined.problems.map(({ path, message }) => places.problem(path, message)),
    ...nameProblems(resources, places),
  ];
  if (found.length > 0) throw new DocumentError(file, found);
  return { ...resources, file, places };
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const place = { line: 1, column: 1 };
    throw new DocumentError(file, [{ place, path: '', message: 'is not UTF-8' }]);
  }
}

/** Names that mean the same thing twice, and short ones where there is no project. */
function nameProblems(
  { resources, keyFiles, policies }: DeclaredResources,
  places: Places,
): Problem[] {
  const seen = new Set<string>();
  const twice = [
    ...resources.map(({ name, path }) => ({ name, path })),
    ...keyFiles.map(({ file, path }) => ({ name: `file ${normalize(file)}`, path })),
  ].filter(({ name }) => seen.size === seen.add(name).size);
  const homeless = policies.filter(
    ({ project, bindings }) =>
      project === '' &&
      bindings.some(({ members }) => members.some((member) => /@$|@\.iam\./.test(member))),
  );
  return [
    ...twice.map(({ name, path }) => places.problem(path, `is ${name}, which is here twice`)),
    ...homeless.map(({ path }) =>
      places.problem(path, 'must name the project of each account and service agent'),
    ),
  ];
}
