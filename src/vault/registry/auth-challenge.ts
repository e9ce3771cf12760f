/** What a `WWW-Authenticate` header asks for. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const word = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const piece = new RegExp(
  `[\\s,]*(${word})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*)))?`,
  'y',
);

/** Reads RFC 9110 challenges; what follows a piece that cannot be read is left out. */
export function readChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  piece.lastIndex = 0;
  for (let found = piece.exec(header); found !== null; found = piece.exec(header)) {
    const [, name = '', quoted, plain] = found;
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    } else {
      challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
    }
  }
  return challenges;
}
