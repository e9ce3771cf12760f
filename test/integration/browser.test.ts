import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LiveServer } from '../support/live-server.ts';
import { PageServer } from '../support/page-server.ts';
import { RestWire } from '../support/wire.ts';

const executablePath = '/usr/bin/chromium';
const hasChromium = existsSync(executablePath);
const missing = hasChromium ? '' : ' (skipped: Chromium is not installed)';
const root = join(import.meta.dirname, '..', '..');
const topic = 'projects/tour/topics/orders';

const ordersPage = readFileSync(join(root, 'docs', 'examples', 'orders.html'), 'utf8');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const readmePage = /^```html\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const pages = new PageServer(
  (path) =>
    path === '/readme' ? readmePage.replaceAll('http://127.0.0.1:8085', broker.url) : ordersPage,
  tokenOfBackend,
);
let broker: LiveServer;
let browser: Browser;

/** As a page's backend gets it: not across origins, so that no page can. */
async function tokenOfBackend(): Promise<string> {
  const reply = await fetch(`${broker.url}/sealpost/v1/browserTokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subject: 'guest',
      grants: [
        { verb: 'publish', resources: [topic] },
        { verb: 'subscribe', resources: [topic] },
      ],
    }),
  });
  const { token } = (await reply.json()) as { token: string };
  return token;
}

beforeAll(async () => {
  if (!hasChromium) return;
  await pages.start();
  broker = new LiveServer(['--browser-origin', pages.origin]);
  await broker.start();
  await new RestWire(() => broker.url).send('PUT', topic, {});
  browser = await chromium.launch({ executablePath, args: flags });
});

afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await broker.remove();
  await pages.stop();
});

async function open(path: string, query: Record<string, string> = {}): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: 760, height: 560 },
    deviceScaleFactor: 2,
    colorScheme: 'light',
  });
  const search = new URLSearchParams({ broker: broker.url, topic, ...query });
  await page.goto(`${pages.origin}${path}?${search.toString()}`);
  return page;
}

async function openOrders(table: string): Promise<Page> {
  const page = await open('/', { table });
  await page.locator('body[data-orders=open]').waitFor();
  return page;
}

async function order(page: Page, text: string): Promise<void> {
  await page.getByLabel('Order').fill(text);
  await page.getByRole('button', { name: 'Order' }).click();
}

describe.skipIf(!hasChromium)('in Chromium', () => {
  test(`pages of another origin publish, and receive what any of them does, live${missing}`, async () => {
    const [first, second] = [await openOrders('7'), await openOrders('12')];
    await order(first, 'Two flat whites');
    await second.getByText('Two flat whites').waitFor();
    await order(second, 'A slice of lemon cake');
    await order(first, 'Grüner Tee, ohne Zucker');
    await order(second, 'One espresso');
    for (const page of [first, second]) {
      await page.getByText('One espresso').waitFor();
      expect(await page.locator('li').count()).toBe(4);
      expect(await page.locator('#state').textContent()).toBe('open');
    }
    await keepIfWanted(first);
  });

  test(`a page whose token does not allow it is told so${missing}`, async () => {
    const page = await open('/', { topic: 'projects/tour/topics/other' });
    await page.locator('#state.open').waitFor();
    await order(page, 'Nothing');
    await page.getByText(/The token does not allow/).waitFor();
  });

  test(`a page without token is refused, and so is one of a foreign origin${missing}`, async () => {
    const page = await open('/', { anonymous: '' });
    await page.locator('#state.closed').waitFor();
    expect(await page.locator('#state').textContent()).toMatch(/token/i);
    const foreign = await browser.newPage();
    await foreign.goto(pages.origin.replace('127.0.0.1', 'localhost'));
    const load = foreign.evaluate(`import('${broker.url}/client.js')`);
    await expect(load).rejects.toThrow(/Failed to fetch/);
  });

  test(`the page of the README does what it shows${missing}`, async () => {
    expect(readmePage.trim().split('\n').length).toBeLessThanOrEqual(12);
    const page = await open('/readme');
    // An order before the subscription is open goes to those that listen already.
    const orders = async (): Promise<string[]> => {
      await page.getByRole('button').click();
      return await page.locator('li').allTextContents();
    };
    await expect.poll(orders, { timeout: 30_000 }).toContain('tea');
  });
});

/** `SCREENSHOT=docs/images/browser.png` renews the picture of the docs. */
async function keepIfWanted(page: Page): Promise<void> {
  const path = process.env['SCREENSHOT'];
  if (path !== undefined) await page.screenshot({ path: join(root, path) });
}
