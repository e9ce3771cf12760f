import { Refusal } from './refusal.ts';

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

interface Fields {
  readonly [name: string]: unknown;
}

const requestMsMax = 30_000;

/** Google's REST interface below `/v1/`. */
export class RestClient {
  readonly #base: string;

  constructor(url: string) {
    this.#base = `${url}/v1/`;
  }

  /** Throws Refusal with `code STATUS: message` for anything but 2xx. */
  async call(method: Method, path: string, body?: object): Promise<Fields> {
    const response = await fetch(this.#base + path, {
      method,
      signal: AbortSignal.timeout(requestMsMax),
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return text === '' ? {} : (JSON.parse(text) as Fields);
    throw new Refusal(refusalOf(response.status, text));
  }
}

/** Whether anything answers HTTP there. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** `400 FAILED_PRECONDITION: …` of Google's error body, or the body itself. */
function refusalOf(code: number, text: string): string {
  try {
    const { error } = JSON.parse(text) as { error: { status: string; message: string } };
    return `${String(code)} ${error.status}: ${error.message}`;
  } catch {
    return `${String(code)} ${text.slice(0, 500)}`;
  }
}
