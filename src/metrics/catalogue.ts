/**
 * Every metric of watcher and signer, once: what is measured is made from this list, and so are the page about it
 * (docs/reference/metrics.md) and the dashboard (deploy/monitoring/dashboard.json). Names follow Prometheus' conventions:
 * base units, counters that end in `_total`, facts about a process as an `_info` that is 1.
 */

/** Where it stands on the dashboard. */
export const GROUPS = ['Money', 'Chains', 'Work', 'Signer', 'Process'] as const

/** One metric. */
export interface Metric {
  type: 'gauge' | 'counter' | 'histogram'
  help: string
  labels: readonly string[]
  /** Who shows it. */
  shownBy: 'watcher' | 'signer' | 'both'
  group: (typeof GROUPS)[number]
  /** Of a histogram: upper bounds, in the unit of its name. */
  buckets?: readonly number[]
}

/** From a sync on a fast disk to a disk that has nearly stopped. */
const DISK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** From a node beside us to the time-out of a call. */
const CALL_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const CHAIN = ['chain'] as const
const one = { shownBy: 'watcher', type: 'gauge' } as const

export const METRICS = {
  lockkeeper_balance_base_units: {
    ...one,
    group: 'Money',
    labels: ['chain', 'asset', 'kind'],
    help: 'What we have: confirmed (with what is reserved), pending, reserved. A floating-point number: for curves, not for books',
  },
  lockkeeper_instances: {
    ...one,
    group: 'Work',
    labels: ['chain', 'kind', 'state'],
    help: 'Live instances',
  },
  lockkeeper_ended_instances: {
    ...one,
    group: 'Work',
    labels: ['chain', 'kind', 'state'],
    help: 'Instances that have ended; none while the search index, which counts them, is being made',
  },
  lockkeeper_oldest_queued_seconds: {
    ...one,
    group: 'Money',
    labels: CHAIN,
    help: 'Since anything changed for the withdrawal that waits longest; 0 for none',
  },
  lockkeeper_free_addresses: { ...one, group: 'Money', labels: CHAIN, help: 'Addresses that can be assigned' },
  lockkeeper_counted_seq: { ...one, group: 'Work', labels: [], help: 'Seq as of which instances are counted' },
  lockkeeper_chain_height: {
    ...one,
    group: 'Chains',
    labels: CHAIN,
    help: 'Height of the tip that is followed; -1 before',
  },
  lockkeeper_node_height: { ...one, group: 'Chains', labels: CHAIN, help: 'Height that the node reports; -1 before' },
  lockkeeper_node_failing: { ...one, group: 'Chains', labels: CHAIN, help: '1 while the node cannot be followed' },
  lockkeeper_chain_halted: {
    ...one,
    group: 'Chains',
    labels: CHAIN,
    help: '1 when the chain is halted and waits for a person',
  },
  lockkeeper_tip_age_seconds: {
    ...one,
    group: 'Chains',
    labels: CHAIN,
    help: "Since the node's chain last moved; -1 before that is known",
  },
  lockkeeper_block_interval_seconds: {
    ...one,
    group: 'Chains',
    labels: CHAIN,
    help: 'Between two blocks on average; 0 where blocks are made at will',
  },
  lockkeeper_follower_turn_age_seconds: {
    ...one,
    group: 'Chains',
    labels: CHAIN,
    help: 'Since a turn of following last ended; -1 before the first',
  },
  lockkeeper_mempool_pause_seconds: {
    ...one,
    group: 'Chains',
    labels: CHAIN,
    help: 'Between two looks at the mempool, where they are spared; else 0',
  },
  lockkeeper_node_calls_total: {
    shownBy: 'watcher',
    type: 'counter',
    group: 'Chains',
    labels: ['chain', 'method', 'outcome'],
    help: "Calls to nodes: the JSON-RPC method (of a batch its first) or the HTTP method; the answer's class (2xx), or unreachable, no-answer",
  },
  lockkeeper_node_call_seconds: {
    shownBy: 'watcher',
    type: 'histogram',
    group: 'Chains',
    labels: CHAIN,
    buckets: CALL_SECONDS,
    help: 'How long calls to nodes take, those without an answer too',
  },
  lockkeeper_ready: { ...one, group: 'Process', labels: [], help: '1 when /readyz says so' },
  lockkeeper_problems: { ...one, group: 'Process', labels: [], help: 'How many problems /readyz names' },
  lockkeeper_steps_total: {
    shownBy: 'watcher',
    type: 'counter',
    group: 'Work',
    labels: ['chain', 'kind', 'to'],
    help: 'Durable transitions, by the state that was entered',
  },
  lockkeeper_commits_total: {
    shownBy: 'watcher',
    type: 'counter',
    group: 'Work',
    labels: ['outcome'],
    help: 'Commits of the ledger: durable or failed',
  },
  lockkeeper_commit_seconds: {
    shownBy: 'watcher',
    type: 'histogram',
    group: 'Work',
    labels: [],
    buckets: DISK_SECONDS,
    help: 'From a decision until it is durable',
  },
  lockkeeper_tasks_total: {
    shownBy: 'watcher',
    type: 'counter',
    group: 'Work',
    labels: ['chain', 'task', 'outcome'],
    help: 'What states owe, performed: by what came of it, unchanged, or failed',
  },
  lockkeeper_notify_behind_events: {
    ...one,
    group: 'Work',
    labels: ['url'],
    help: 'Events between the end of the feed and what a webhook has taken',
  },
  lockkeeper_ledger_seq: { ...one, group: 'Work', labels: [], help: 'Last durable seq' },
  lockkeeper_signing_denials_total: {
    shownBy: 'watcher',
    type: 'counter',
    group: 'Signer',
    labels: ['chain', 'reason'],
    help: 'What the signer answered instead of a signature, by the kinds of its reasons: limits hold, others refuse',
  },
  lockkeeper_signer_recalled: {
    ...one,
    group: 'Signer',
    labels: CHAIN,
    help: "1 when the signer's memory has been compared since the start",
  },
  lockkeeper_signer_seen_sequence: {
    ...one,
    group: 'Signer',
    labels: [],
    help: "Highest sequence of the signer's memory that the watcher has seen; -1 before",
  },
  lockkeeper_event_loop_stall_seconds: {
    ...one,
    group: 'Process',
    labels: [],
    help: 'Longest standstill of the process within the last minute',
  },
  lockkeeper_signer_memory_sequence: {
    type: 'gauge',
    shownBy: 'signer',
    group: 'Signer',
    labels: [],
    help: 'Durable transitions of the memory',
  },
  lockkeeper_signer_addresses: {
    type: 'gauge',
    shownBy: 'signer',
    group: 'Signer',
    labels: CHAIN,
    help: 'Addresses made',
  },
  lockkeeper_signer_signed_total: {
    type: 'counter',
    shownBy: 'signer',
    group: 'Signer',
    labels: CHAIN,
    help: 'Attempts ever signed, of earlier processes too',
  },
  lockkeeper_signer_policy_info: {
    type: 'gauge',
    shownBy: 'signer',
    group: 'Signer',
    labels: ['digest'],
    help: 'What is configured to be signed, by its digest',
  },
  lockkeeper_build_info: {
    type: 'gauge',
    shownBy: 'both',
    group: 'Process',
    labels: ['daemon', 'version', 'node'],
    help: 'Which version runs on which Node',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    shownBy: 'both',
    group: 'Process',
    labels: [],
    help: 'Processor time, user and system',
  },
  process_start_time_seconds: {
    type: 'gauge',
    shownBy: 'both',
    group: 'Process',
    labels: [],
    help: 'When the process began, since 1970 UTC',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    shownBy: 'both',
    group: 'Process',
    labels: [],
    help: 'Memory that the process holds',
  },
  process_open_fds: {
    type: 'gauge',
    shownBy: 'both',
    group: 'Process',
    labels: [],
    help: 'Open files and connections',
  },
} as const satisfies Record<string, Metric>

/** The name of a metric that there is. */
export type MetricName = keyof typeof METRICS
