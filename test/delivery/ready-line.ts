import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The URL that a server prints once it is ready. Throws with all it said if it ends before. */
export async function readyUrl(child: ChildProcess): Promise<string> {
  const said: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text));
  for await (const line of createInterface({ input: child.stdout! })) {
    const [, url] = /^Sealpost is ready at (https?:\S+)$/.exec(line) ?? [];
    if (url !== undefined) return url;
    said.push(`${line}\n`);
  }
  throw new Error(`the server ended before it was ready:\n${said.join('')}`);
}

/** Creates a topic and publishes to it: whoever can do that has a broker that stores and seals. */
export async function publishOnce(url: string): Promise<string> {
  const topic = `${url}/v1/projects/p/topics/first`;
  const headers = { 'content-type': 'application/json' };
  await fetch(topic, { method: 'PUT', headers, body: '{}' });
  const body = JSON.stringify({ messages: [{ data: 'aGVsbG8=' }] });
  const answer = await fetch(`${topic}:publish`, { method: 'POST', headers, body });
  const { messageIds } = (await answer.json()) as { messageIds?: string[] };
  return messageIds?.join() ?? `no id, status ${answer.status}`;
}
