/** Where the API can be called: known only once it listens, when the system chooses the port. */
export interface Address {
  port: number;
  /** Such as `http://127.0.0.1:8085`. */
  url: string;
}
