import { pause } from '../../runtime/index.ts';
import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { Unreachable } from '../connection/refusal.ts';
import { LiveScreen } from './live-screen.ts';
import { takeLook } from './look.ts';
import { allLines, screenLines } from './screen-lines.ts';
import { snapshotOf, type Look, type Order } from './snapshot.ts';

const intervalMsDefault = 2000;
const orders: Readonly<Record<string, Order>> = { b: 'backlog', r: 'rate', n: 'name' };

export const top: Action = async ({ flags }, tools) => {
  const intervalMs = flags.duration('interval') ?? intervalMsDefault;
  if (intervalMs < 1000) throw usageError('--interval must be at least 1s.');
  const order = (flags.text('sort') ?? 'backlog') as Order;
  const { out, terminal } = tools;
  const isLive = !flags.isSet('once') && !out.isJson && terminal.stdout.isTTY;
  await (isLive ? showLive(tools, intervalMs, order) : showOnce(tools, intervalMs, order));
};

async function showOnce(tools: Tools, intervalMs: number, order: Order): Promise<void> {
  const { api, names, clock, out } = tools;
  const before = await takeLook(api, names, clock);
  await pause(clock, intervalMs);
  const snapshot = snapshotOf(before, await takeLook(api, names, clock), order);
  out.result(snapshot, allLines(snapshot, titleOf(tools)));
}

/** Until q, Ctrl-C or a signal. A server that goes away is waited for. */
async function showLive(tools: Tools, intervalMs: number, first: Order): Promise<void> {
  const { api, names, clock, terminal } = tools;
  const stop = terminal.stopSignal();
  const quit = new AbortController();
  const end = AbortSignal.any([stop, quit.signal]);
  // Before the screen is taken, so that a server that was never there is an ordinary error.
  let before = await takeLook(api, names, clock);
  let now: Look = before;
  let order = first;
  let trouble = '';
  const draw = (): void => {
    const lines = screenLines(snapshotOf(before, now, order), titleOf(tools), screen.size);
    screen.draw(lines, trouble || `q quit   sort: b backlog  r rate  n name   (${order})`);
  };
  const screen = new LiveScreen(
    terminal,
    (key) => {
      if (key === 'q') return quit.abort();
      order = orders[key] ?? order;
      draw();
    },
    draw,
  );
  try {
    while (!end.aborted) {
      draw();
      await pause(clock, intervalMs, end);
      if (end.aborted) break;
      try {
        const look = await takeLook(api, names, clock);
        [before, now, trouble] = [now, look, ''];
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        trouble = `${error.message} Waiting for it.`;
      }
    }
  } finally {
    screen.close();
  }
}

function titleOf({ api, names, clock }: Tools): string {
  const time = new Date(clock.wallMs()).toISOString().slice(11, 19);
  const scope = names.hasProject ? `project ${names.project()}` : 'all projects';
  return `Sealpost at ${api.server}, ${scope}, ${time} UTC`;
}
