import { LiveServer } from './live-server.ts';

/** An answer of a REST call. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A project of its own for the accounts of a test. */
const accountsProject = 'guards';

/**
 * A whole server that asks who calls, in the clear, by API keys. Its accounts are made while it does
 * not yet: `administrator` may do everything by --admin; the others have what a test grants them.
 */
export class AccountServer {
  readonly server: LiveServer;
  readonly #keys = new Map<string, string>();
  readonly #more: readonly string[];

  constructor(more: readonly string[] = []) {
    this.#more = more;
    this.server = new LiveServer(more);
  }

  /** `names` of accounts beside the administrator, at least 6 characters each. */
  async start(names: readonly string[]): Promise<void> {
    await this.server.start();
    for (const name of ['administrator', ...names]) {
      const path = `/v1/projects/${accountsProject}/serviceAccounts`;
      await this.#expectOk(path, { accountId: name });
      const made = await this.#expectOk(`${path}/${this.email(name)}/apiKeys`, {});
      this.#keys.set(name, (made as { keyString: string }).keyString);
    }
    await this.server.restart([
      ...this.#more,
      '--authentication',
      'required',
      '--admin',
      this.member('administrator'),
    ]);
  }

  stop(): Promise<void> {
    return this.server.remove();
  }

  email(name: string): string {
    return `${name}@${accountsProject}.iam.gserviceaccount.com`;
  }

  member(name: string): string {
    return `serviceAccount:${this.email(name)}`;
  }

  /** The API key of an account. */
  key(name: string): string {
    return this.#keys.get(name)!;
  }

  async call(name: string, method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.server.url}${path}`, {
      method,
      headers: { 'x-goog-api-key': this.key(name), 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** A call of the administrator that must succeed. */
  async administer(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.call('administrator', method, path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  }

  async grant(resource: string, role: string, ...names: readonly string[]): Promise<void> {
    const members = names.map((name) => this.member(name));
    const policy = { bindings: [{ role, members }] };
    await this.administer('POST', `/v1/${resource}:setIamPolicy`, { policy });
  }

  async #expectOk(path: string, body: object): Promise<unknown> {
    const response = await fetch(this.server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
    return await response.json();
  }
}
