/** The smallest parts of an expression. Strings come without quotes and with escapes resolved. */
export type Token =
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'symbol'; readonly text: string };

/** Longer expressions are not evaluated. IAM itself takes twelve logical operators. */
const tokensMax = 400;
const space = /[ \t\r\n]+/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const symbol = /&&|\|\||==|!=|<=|>=|[!<>().]/y;
const quoted = /"(?:[^"\\\r\n]|\\["'\\])*"|'(?:[^'\\\r\n]|\\["'\\])*'/y;

/** Null if the text holds anything else than the subset of CEL that is evaluated here. */
export function tokensOf(expression: string): readonly Token[] | null {
  const tokens: Token[] = [];
  for (let at = 0; at < expression.length;) {
    const blank = match(space, expression, at);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const found = tokenAt(expression, at);
    if (found === null || tokens.length === tokensMax) return null;
    tokens.push(found.token);
    at += found.length;
  }
  return tokens;
}

function tokenAt(
  expression: string,
  at: number,
): { readonly token: Token; readonly length: number } | null {
  const string = match(quoted, expression, at);
  if (string !== null) {
    const text = string.slice(1, -1).replaceAll(/\\(.)/g, '$1');
    return { token: { kind: 'string', text }, length: string.length };
  }
  const word = match(name, expression, at);
  if (word !== null) return { token: { kind: 'name', text: word }, length: word.length };
  const sign = match(symbol, expression, at);
  return sign === null ? null : { token: { kind: 'symbol', text: sign }, length: sign.length };
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
