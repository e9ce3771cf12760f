/** `12.0 of 48.0 MiB, 25 %`. */
export function progressText(bytes: number, totalBytes: number): string {
  const percent = totalBytes === 0 ? 0 : Math.min(100, Math.floor((100 * bytes) / totalBytes));
  return `${mebibytes(bytes)} of ${mebibytes(totalBytes)} MiB, ${percent} %`;
}

/** What whoever made a backup must still do. */
export const keptApart: string =
  'The root key is not in it. Keep a copy of its file (root-key, in the keys directory) apart: ' +
  'without it the backup is noise.';

export function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

/** Shows how far something is, where somebody looks on; the result clears the line. */
export function liveLine(stderr: { readonly isTTY?: boolean; write(text: string): unknown }): {
  show(text: string): void;
  clear(): void;
} {
  const write = (text: string): void => {
    if (stderr.isTTY === true) stderr.write(`\r\u{1b}[K${text}`);
  };
  return { show: write, clear: () => write('') };
}
