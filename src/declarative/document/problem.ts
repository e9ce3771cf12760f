/** A place in a document; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong in a document, and where. */
export interface Problem {
  readonly place: Place;
  /** `projects.shop.topics.orders.labels`; empty for what is wrong with the whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly string[];

const problemsShown = 100;

/** `sealpost.yaml:12:7: projects.shop.topics.orders: must be …`, in the order of the document. */
export function problemLines(file: string, problems: readonly Problem[]): string[] {
  const sorted = problems.toSorted(
    (one, other) => one.place.line - other.place.line || one.place.column - other.place.column,
  );
  const shown = sorted.slice(0, problemsShown).map(({ place, path, message }) => {
    const subject = path === '' ? '' : `${path}: `;
    return `${file}:${place.line}:${place.column}: ${subject}${message}`;
  });
  const rest = sorted.length - shown.length;
  return rest === 0 ? shown : [...shown, `… and ${rest} more`];
}

/** A document that cannot be applied; the message has a line for each problem. */
export class DocumentError extends Error {
  override name = 'DocumentError';
  readonly problems: readonly Problem[];
  readonly lines: readonly string[];

  constructor(file: string, problems: readonly Problem[]) {
    const lines = problemLines(file, problems);
    super(lines.join('\n'));
    this.problems = problems;
    this.lines = lines;
  }
}

/** Where the values of a document are. */
export class Places {
  readonly #byPath: Map<string, Place> = new Map();

  set(path: Path, place: Place): void {
    this.#byPath.set(keyOf(path), place);
  }

  /** The place of a value, or of the nearest that is around it. */
  of(path: Path): Place {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#byPath.get(keyOf(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return { line: 1, column: 1 };
  }

  problem(path: Path, message: string): Problem {
    return { place: this.of(path), path: path.join('.'), message };
  }
}

/** No name of a document that is read without a problem has this character. */
const keyOf = (path: Path): string => path.join('\0');
