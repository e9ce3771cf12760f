import { dashboards } from '../dashboards/grafana-files.ts';
import type { Panel } from '../dashboards/panel.ts';

/** A panel that stands in the docs: its file, and which resources it shows. */
export interface DrawnPanel {
  readonly file: string;
  readonly dashboard: string;
  readonly title: string;
  readonly subscriptions?: string;
}

export const drawnPanels: readonly DrawnPanel[] = [
  {
    file: 'publish-requests.svg',
    dashboard: 'sealpost-broker',
    title: 'Publish requests by response',
  },
  {
    file: 'oldest-message.svg',
    dashboard: 'sealpost-broker',
    title: 'Oldest message waiting',
    subscriptions: 'ledger|ledger-webhook|invoices|audit',
  },
  { file: 'dek-calls.svg', dashboard: 'sealpost-keys', title: 'Calls to wrap and unwrap' },
  {
    file: 'sent-and-acked.svg',
    dashboard: 'sealpost-broker',
    title: 'Messages sent and acknowledged',
  },
  { file: 'push-requests.svg', dashboard: 'sealpost-broker', title: 'Push requests by class' },
  { file: 'publish-latency.svg', dashboard: 'sealpost-broker', title: 'Publish latency' },
  { file: 'websocket-bytes.svg', dashboard: 'sealpost-broker', title: 'Bytes over WebSocket' },
  { file: 'event-loop-lag.svg', dashboard: 'sealpost-process', title: 'Event loop lag' },
];

/** The panel as its dashboard describes it. */
export function panelOf({ dashboard, title }: DrawnPanel): Panel {
  const panel = dashboards
    .find(({ uid }) => uid === dashboard)
    ?.rows.flatMap(({ panels }) => panels)
    .find((each) => each.title === title);
  if (panel === undefined) throw new Error(`no panel ${title} on ${dashboard}`);
  return panel;
}
