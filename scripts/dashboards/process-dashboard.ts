import { percentiles, rateBy, rateOf, type Dashboard, type Row } from './panel.ts';

const calls: Row = {
  title: 'Calls',
  panels: [
    {
      title: 'Calls by method',
      description: 'Every API, REST and gRPC alike.',
      unit: 'reqps',
      queries: [[`topk(10, ${rateBy('rpc', 'sealpost_rpc_requests_total')})`, '{{rpc}}']],
    },
    {
      title: 'Calls by outcome',
      description: 'internal is our fault; invalid is the caller.',
      unit: 'reqps',
      queries: [
        [
          rateBy('response_class, response_code', 'sealpost_rpc_requests_total'),
          '{{response_class}}: {{response_code}}',
        ],
      ],
    },
    {
      title: 'Time of a call',
      description: 'All methods; pulls that wait are among them.',
      unit: 's',
      queries: percentiles('sealpost_rpc_seconds'),
    },
  ],
};

const cpu: Row = {
  title: 'Processor and event loop',
  panels: [
    {
      title: 'Processor',
      description: 'Cores in use. One thread runs the broker: near 1, it is the limit.',
      unit: 'percentunit',
      thresholds: [[1, 'orange']],
      queries: [
        [rateOf('process_cpu_seconds_total'), 'all'],
        [rateOf('process_cpu_user_seconds_total'), 'user'],
        [rateOf('process_cpu_system_seconds_total'), 'system'],
      ],
    },
    {
      title: 'Event loop lag',
      description: 'How late the loop was since the last scrape. Above 0.1 s everyone waits.',
      unit: 's',
      thresholds: [[0.1, 'red']],
      queries: [
        ['max(nodejs_eventloop_lag_p50_seconds)', 'p50'],
        ['max(nodejs_eventloop_lag_p90_seconds)', 'p90'],
        ['max(nodejs_eventloop_lag_p99_seconds)', 'p99'],
        ['max(nodejs_eventloop_lag_max_seconds)', 'max'],
      ],
    },
    {
      title: 'Event loop lag, spread',
      description: 'Its precision is 10 ms, so that an idle loop shows 10 ms.',
      unit: 's',
      queries: [
        ['max(nodejs_eventloop_lag_seconds)', 'now'],
        ['max(nodejs_eventloop_lag_min_seconds)', 'min'],
        ['max(nodejs_eventloop_lag_mean_seconds)', 'mean'],
        ['max(nodejs_eventloop_lag_stddev_seconds)', 'standard deviation'],
      ],
    },
    {
      title: 'Garbage collection',
      description: 'Share of the time spent in it, by kind.',
      unit: 'percentunit',
      queries: [[rateBy('kind', 'nodejs_gc_duration_seconds_sum'), '{{kind}}']],
    },
    {
      title: 'What the loop waits for',
      description: 'Handles are sockets and timers; requests are work on the thread pool.',
      unit: 'short',
      queries: [
        ['sum by (type) (nodejs_active_resources)', '{{type}}'],
        ['sum(nodejs_active_resources_total)', 'all resources'],
        ['sum(nodejs_active_handles_total)', 'all handles'],
        ['sum(nodejs_active_requests_total)', 'all requests'],
      ],
    },
    {
      title: 'Handles and requests by type',
      description: 'A type that only grows is a leak.',
      unit: 'short',
      queries: [
        ['sum by (type) (nodejs_active_handles)', '{{type}}'],
        ['sum by (type) (nodejs_active_requests) or vector(0)', 'request {{type}}'],
      ],
    },
  ],
};

const memory: Row = {
  title: 'Memory and files',
  panels: [
    {
      title: 'Memory',
      description: 'Resident is what the machine gives; pages of the data files count in it.',
      unit: 'bytes',
      queries: [
        ['sum(process_resident_memory_bytes)', 'resident'],
        ['sum(process_heap_bytes)', 'data segment'],
        ['sum(nodejs_heap_size_total_bytes)', 'heap'],
        ['sum(nodejs_heap_size_used_bytes)', 'heap in use'],
        ['sum(nodejs_external_memory_bytes)', 'buffers'],
      ],
    },
    {
      title: 'Heap by space',
      description: 'In use; new space fills and empties with each young collection.',
      unit: 'bytes',
      isStacked: true,
      queries: [['sum by (space) (nodejs_heap_space_size_used_bytes)', '{{space}}']],
    },
    {
      title: 'Heap by space, taken and free',
      description: 'What the spaces took from the system, and what of it is free.',
      unit: 'bytes',
      queries: [
        ['sum by (space) (nodejs_heap_space_size_total_bytes)', '{{space}}'],
        ['sum(nodejs_heap_space_size_available_bytes)', 'free, all spaces'],
        ['sum(process_virtual_memory_bytes)', 'address space'],
      ],
    },
    {
      title: 'Open files',
      description: 'Connections are files. At the limit new ones are refused.',
      unit: 'short',
      queries: [
        ['sum(process_open_fds)', 'open'],
        ['sum(process_max_fds)', 'limit'],
      ],
    },
    {
      title: 'Certificate ends in',
      description: 'Of the port under TLS; nothing where it speaks in the clear.',
      unit: 's',
      thresholds: [
        [0, 'red'],
        [1_209_600, 'green'],
      ],
      queries: [
        ['min((sealpost_tls_certificate_expiry_timestamp_seconds > 0) - time())', 'until it ends'],
      ],
    },
    {
      title: 'Running since',
      description: 'A start that nobody asked for is a crash.',
      kind: 'stat',
      unit: 'dateTimeFromNow',
      width: 4,
      queries: [['max(process_start_time_seconds) * 1000']],
    },
    {
      title: 'Node',
      description: 'The version that runs.',
      kind: 'stat',
      unit: 'none',
      width: 4,
      queries: [['count by (version) (nodejs_version_info)', '{{version}}']],
    },
  ],
};

const disk: Row = {
  title: 'Disk',
  panels: [
    {
      title: 'Commits',
      description: 'Group commits a second, and the segments that they made durable.',
      unit: 'cps',
      queries: [
        [rateOf('sealpost_commit_seconds_count'), 'commits'],
        [rateOf('sealpost_committed_appends_total'), 'segments'],
      ],
    },
    {
      title: 'Time of a commit',
      description: 'Every publish waits for one. Above 100 ms the disk is the limit.',
      unit: 's',
      thresholds: [[0.1, 'red']],
      queries: percentiles('sealpost_commit_seconds'),
    },
    {
      title: 'Disk',
      description: 'What the data files take, and what is left for them.',
      unit: 'bytes',
      queries: [
        ['sum(sealpost_store_disk_bytes)', 'data files'],
        ['min(sealpost_store_free_bytes)', 'free'],
      ],
    },
    {
      title: 'Segments stored',
      description: 'A segment is what one commit carried for one topic.',
      unit: 'short',
      queries: [['sum(sealpost_store_segments)', 'segments']],
    },
  ],
};

export const processDashboard: Dashboard = {
  uid: 'sealpost-process',
  title: 'Sealpost: process',
  description: 'Calls, processor, memory, event loop, commits and disk.',
  variables: [],
  rows: [calls, cpu, memory, disk],
};
