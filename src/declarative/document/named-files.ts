import type { FileAccess } from '../file-access.ts';
import { asText, isObject, newObject, type Json, type JsonObject } from '../json.ts';
import type { Path } from './problem.ts';
import type { ObjectShape, Shape } from '../shapes/shape.ts';

interface FileProblem {
  readonly path: Path;
  readonly message: string;
}

interface Inlined {
  readonly value: JsonObject;
  readonly problems: readonly FileProblem[];
}

/** The fields that name a file, and those that its content stands for. */
const contentOf: Readonly<Record<string, string>> = {
  codeFile: 'code',
  definitionFile: 'definition',
};

/** The same object with the content of each file in place of its path. */
export function inlineFiles(
  given: JsonObject,
  shape: ObjectShape,
  path: Path,
  files: Pick<FileAccess, 'read'>,
): Inlined {
  const problems: FileProblem[] = [];
  const inObject = (object: JsonObject, { fields }: ObjectShape, at: Path): JsonObject => {
    const value = newObject();
    for (const [name, child] of Object.entries(object)) {
      const below = [...at, name];
      const content = contentOf[name];
      const field = fields[name];
      if (field === undefined) continue;
      if (content === undefined) value[name] = inValue(child, field.shape, below);
      else value[content] = read(asText(child), fields[content]!.shape, below);
    }
    return value;
  };
  const inValue = (value: Json, of: Shape, at: Path): Json => {
    if (of.kind === 'object' && isObject(value)) return inObject(value, of, at);
    if (of.kind === 'list' && Array.isArray(value)) {
      return value.map((item, index) => inValue(item, of.of, [...at, String(index)]));
    }
    if (of.kind !== 'map' || !isObject(value)) return value;
    const entries = Object.entries(value);
    return newObject(entries.map(([key, item]) => [key, inValue(item, of.of, [...at, key])]));
  };
  const read = (file: string, of: Shape, at: Path): string => {
    const bytesMax = of.kind === 'text' ? (of.bytesMax ?? 0) : 0;
    try {
      const bytes = files.read(file, bytesMax);
      if (bytes !== null) return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      problems.push({ path: at, message: `there is no file ${file}` });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push({
        path: at,
        message: `${file} ${error instanceof TypeError ? 'is not UTF-8' : why}`,
      });
    }
    return '';
  };
  return { value: inObject(given, shape, path), problems };
}
