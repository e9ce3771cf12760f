/** The part of autocannon that the bench uses; the package brings no types. */
declare module 'autocannon' {
  interface Options {
    readonly url: string;
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
  }
  interface Result {
    readonly '2xx': number;
    readonly non2xx: number;
    readonly errors: number;
    readonly timeouts: number;
    /** Seconds that it really took. */
    readonly duration: number;
    /** Milliseconds. */
    readonly latency: { readonly p50: number; readonly p99: number };
  }
  interface Autocannon {
    (options: Options): Promise<Result>;
    /** Draws a bar while it runs and tables at the end, on standard error. */
    track(run: Promise<Result>, options: { readonly renderProgressBar: boolean }): void;
  }
  const autocannon: Autocannon;
  export default autocannon;
}
