import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { nearestName } from '../../rpc/index.ts';
import { newObject, type Json, type JsonObject } from '../json.ts';
import { Places, type Path, type Place, type Problem } from './problem.ts';
import { scalarProblem } from '../shapes/scalar-rules.ts';
import type { ListShape, MapShape, ObjectShape, Shape } from '../shapes/shape.ts';
import type { YamlSource } from './yaml-source.ts';

/** Values behind aliases count as often as they are used. */
const valuesMax = 250_000;
const depthMax = 40;
const extension = /^x-/;

export interface ReadDocument {
  readonly value: JsonObject;
  readonly places: Places;
  readonly problems: readonly Problem[];
}

/** Reads a document as a shape says; every problem is found, not the first alone. */
export function readDocument(source: YamlSource, shape: ObjectShape): ReadDocument {
  const reader = new DocumentReader(source);
  const value = source.root === null ? undefined : reader.object(source.root, shape, []);
  const problems = [...source.problems, ...reader.problems];
  return { value: value ?? newObject(), places: reader.places, problems };
}

class DocumentReader {
  readonly places: Places = new Places();
  readonly problems: Problem[] = [];
  readonly #source: YamlSource;
  #valueCount = 0;

  constructor(source: YamlSource) {
    this.#source = source;
  }

  object(given: Node, shape: ObjectShape, path: Path): JsonObject | undefined {
    const node = this.#enter(given, path);
    const pairs = this.#pairsOf(node, path, 'a mapping of names to values');
    if (pairs === undefined) return undefined;
    const value = newObject();
    for (const [name, pair] of pairs) {
      if (shape.hasExtensions === true && extension.test(name)) continue;
      const field = shape.fields[name];
      if (field === undefined || !Object.hasOwn(shape.fields, name)) {
        this.#unknown(pair, name, shape, path);
        continue;
      }
      const read = this.#valueOf(pair, field.shape, [...path, name]);
      if (read !== undefined) value[name] = read;
    }
    this.#checkGroups(new Set(pairs.keys()), shape, path);
    return value;
  }

  #value(given: Node, shape: Shape, path: Path): Json | undefined {
    if (shape.kind === 'object') return this.object(given, shape, path);
    if (shape.kind === 'map') return this.#map(given, shape, path);
    if (shape.kind === 'list') return this.#list(given, shape, path);
    const node = this.#enter(given, path);
    if (node === undefined) return undefined;
    const value: unknown = isScalar(node) ? node.value : undefined;
    const problem = scalarProblem(value, shape);
    if (problem === undefined) return value as Json;
    this.#refuse(path, problem);
    return undefined;
  }

  #map(given: Node, shape: MapShape, path: Path): JsonObject | undefined {
    const node = this.#enter(given, path);
    const pairs = this.#pairsOf(node, path, `a mapping of names, each ${shape.says}`);
    if (pairs === undefined) return undefined;
    if (pairs.size > shape.max) this.#refuse(path, `must have at most ${shape.max} names`);
    const value = newObject();
    for (const [name, pair] of pairs) {
      const below = [...path, name];
      const read = this.#valueOf(pair, shape.of, below);
      if (!shape.keys.test(name)) this.#refuseKey(pair, below, `the name must be ${shape.says}`);
      else if (read !== undefined) value[name] = read;
    }
    return value;
  }

  #list(given: Node, shape: ListShape, path: Path): Json[] | undefined {
    const node = this.#enter(given, path);
    if (node === undefined) return undefined;
    if (!isSeq(node)) {
      this.#refuse(path, 'must be a list');
      return undefined;
    }
    const { min = 0, max } = shape;
    if (node.items.length < min) this.#refuse(path, `must have at least ${min} item`);
    if (node.items.length > max) this.#refuse(path, `must have at most ${max} items`);
    return node.items.flatMap((item, at) => {
      const read = this.#value(item as Node, shape.of, [...path, String(at)]);
      return read === undefined ? [] : [read];
    });
  }

  /** A value left out is an empty one where it may be: `orders:` is a topic without fields. */
  #valueOf(pair: Pair, shape: Shape, path: Path): Json | undefined {
    const key = pair.key as Node;
    this.places.set(path, this.#source.placeOf(key));
    const value = pair.value as Node | null;
    const isEmpty = value === null || (isScalar(value) && value.value === null);
    if (!isEmpty) return this.#value(value, shape, path);
    if (shape.kind === 'object') {
      this.#checkGroups(new Set(), shape, path);
      return newObject();
    }
    if (shape.kind === 'map') return newObject();
    this.#refuse(path, 'must have a value');
    return undefined;
  }

  /** Notes the place of a value; undefined if it is behind too many others. */
  #enter(given: Node, path: Path): Node | undefined {
    if (!isAlias(given) || path.length === 0) this.places.set(path, this.#source.placeOf(given));
    const node = isAlias(given) ? this.#source.targetOf(given) : given;
    if (isAlias(given) && node === undefined) {
      this.#add(this.#source.placeOf(given), path, `has no anchor &${given.source} before it`);
    }
    this.#valueCount++;
    if (this.#valueCount > valuesMax) {
      if (this.#valueCount === valuesMax + 1) {
        this.#refuse(path, `is more than ${valuesMax} values, those behind aliases counted`);
      }
      return undefined;
    }
    if (path.length > depthMax) {
      this.#refuse(path, 'is nested too deep');
      return undefined;
    }
    return node;
  }

  #pairsOf(node: Node | undefined, path: Path, expected: string): Map<string, Pair> | undefined {
    if (node === undefined) return undefined;
    if (isScalar(node) && node.value === null) return new Map();
    if (!isMap(node)) {
      this.#refuse(path, `must be ${expected}`);
      return undefined;
    }
    return new Map(node.items.map((pair) => [keyText(pair), pair]));
  }

  #checkGroups(given: ReadonlySet<string>, shape: ObjectShape, path: Path): void {
    for (const [name, field] of Object.entries(shape.fields)) {
      if (field.isRequired === true && !given.has(name)) this.#refuse(path, `must have ${name}`);
    }
    for (const group of shape.exactlyOne ?? []) {
      const count = group.filter((name) => given.has(name)).length;
      if (count !== 1) this.#refuse(path, `must have exactly one of ${group.join(', ')}`);
    }
    for (const group of shape.atMostOne ?? []) {
      const count = group.filter((name) => given.has(name)).length;
      if (count > 1) this.#refuse(path, `may have only one of ${group.join(', ')}`);
    }
  }

  #unknown(pair: Pair, name: string, shape: ObjectShape, path: Path): void {
    const names = Object.keys(shape.fields);
    const meant = nearestName(name, names);
    const known = names.length === 0 ? 'nothing is known here' : `known are ${names.join(', ')}`;
    const hint = meant === undefined ? known : `did you mean ${meant}?`;
    this.#refuseKey(pair, [...path, name], `is not known; ${hint}`);
  }

  #refuseKey(pair: Pair, path: Path, message: string): void {
    const place = this.#source.placeOf(pair.key as Node);
    this.#add(place, path, message);
  }

  #refuse(path: Path, message: string): void {
    this.#add(this.places.of(path), path, message);
  }

  #add(place: Place, path: Path, message: string): void {
    this.problems.push({ place, path: path.join('.'), message });
  }
}

function keyText({ key }: { readonly key: unknown }): string {
  return isScalar(key) ? String(key.value) : '?';
}
