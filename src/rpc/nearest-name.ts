/** More than so many changes make another word. */
const changesMax = 2;

/** The name that was meant by a word with a typing mistake; undefined if none is near. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, changes: changesBetween(word, name) }))
    .filter(({ name, changes }) => changes <= changesMax && changes < name.length / 2)
    .toSorted((one, other) => one.changes - other.changes);
  return near[0]?.name;
}

/** Letters to add, to drop or to replace (Levenshtein, row by row). */
function changesBetween(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [row, letter] of Array.from(one).entries()) {
    const current = [row + 1];
    for (const [at, otherLetter] of Array.from(other).entries()) {
      const replaced = above[at]! + (letter === otherLetter ? 0 : 1);
      current.push(Math.min(replaced, above[at + 1]! + 1, current[at]! + 1));
    }
    above = current;
  }
  return above.at(-1)!;
}
