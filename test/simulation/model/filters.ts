/** A filter in the broker's language, and the same said in one line of TypeScript. */
export interface ModelFilter {
  readonly text: string;
  readonly matches: (attributes: Attributes) => boolean;
}

export type Attributes = Readonly<Record<string, string>>;

export const everyMessage: ModelFilter = { text: '', matches: () => true };

export const modelFilters: readonly ModelFilter[] = [
  { text: 'attributes:color', matches: ({ color }) => color !== undefined },
  { text: 'attributes.color = "red"', matches: ({ color }) => color === 'red' },
  { text: 'attributes.color != "red"', matches: ({ color }) => color !== 'red' },
  { text: 'NOT attributes:color', matches: ({ color }) => color === undefined },
  {
    text: 'hasPrefix(attributes.size, "x")',
    matches: ({ size }) => size?.startsWith('x') === true,
  },
  {
    text: 'attributes:color AND NOT attributes.size = "xl"',
    matches: ({ color, size }) => color !== undefined && size !== 'xl',
  },
  {
    text: '(attributes.color = "red" OR attributes.size = "s") AND -attributes:"odd key"',
    matches: (all) =>
      (all['color'] === 'red' || all['size'] === 's') && all['odd key'] === undefined,
  },
];
