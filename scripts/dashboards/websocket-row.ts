import { rateBy, rateOf, type Row } from './panel.ts';

export const websocketRow: Row = {
  title: 'WebSocket',
  panels: [
    {
      title: 'WebSocket connections',
      description: 'Open now, by subprotocol; streams on them; sessions that wait to be resumed.',
      unit: 'short',
      queries: [
        ['sum by (subprotocol) (sealpost_websocket_connections)', '{{subprotocol}}'],
        ['sum(sealpost_websocket_streams)', 'streams'],
        ['sum(sealpost_websocket_detached_sessions)', 'detached sessions'],
      ],
    },
    {
      title: 'Connections that come and go',
      description: 'Many resumes: something between client and server cuts connections.',
      unit: 'cps',
      queries: [
        [rateBy('subprotocol', 'sealpost_websocket_opens_total'), 'new, {{subprotocol}}'],
        [rateBy('subprotocol', 'sealpost_websocket_resumes_total'), 'resumed, {{subprotocol}}'],
        [rateBy('code', 'sealpost_websocket_closes_total'), 'closed with {{code}}'],
        [rateBy('status', 'sealpost_websocket_refusals_total'), 'refused with {{status}}'],
      ],
    },
    {
      title: 'Frames over WebSocket',
      description: 'Frames a second, in and out; batches make few of many messages.',
      unit: 'cps',
      queries: [
        [rateOf('sealpost_websocket_received_frames_total'), 'received'],
        [rateOf('sealpost_websocket_sent_frames_total'), 'sent'],
      ],
    },
    {
      title: 'Bytes over WebSocket',
      description: 'Bytes a second, in and out.',
      unit: 'Bps',
      queries: [
        [rateOf('sealpost_websocket_received_bytes_total'), 'received'],
        [rateOf('sealpost_websocket_sent_bytes_total'), 'sent'],
      ],
    },
    {
      title: 'Reading stopped',
      description: 'requests: too many without answer. unread: the client does not read.',
      unit: 'cps',
      queries: [[rateBy('cause', 'sealpost_websocket_holds_total'), '{{cause}}']],
    },
  ],
};
