/**
 * One network that we follow. No coin moves here, but everything else believes what this machine has accepted: the
 * hashes of the last blocks, deeper than `final`. A reorg is walked back one block at a time. What cannot be explained
 * (a wrong network, a reorg deeper than final, a spend of our coins that nobody signed) halts the chain until a person
 * resumes it: going on would build on a lie.
 */
import { and, assign, setup } from 'xstate'
import { actions, type Event, type Place, type Scheduled } from './vocabulary.ts'

export interface ChainContext extends Scheduled {
  family: string
  asset: string
  /** The blocks we stand on, oldest first; the last is the tip. */
  blocks: Place[]
  /** Height of the tip, -1 before the first block is known. */
  height: number
  /** False while a block's facts are still being committed in slices: such a block is read again at boot. */
  applied: boolean
  /** The height from which the reorg under way started, or null. */
  top: number | null
  /** Depth beyond which nothing is taken back. */
  final: number
  /** A person has resumed after a reorg deeper than final: the next one may go as deep as it must. */
  deepAllowed: boolean
  reason: string | null
  /** How far the signer's list of what it has signed has been compared with this ledger. */
  recalled: number
}

export type ChainEvent =
  | Event<'chain.opened', { chain: string; family: string; asset: string; final: number }>
  | Event<'process.started', Record<string, never>>
  | Event<'node.identified', { base: Place | null; syncing: boolean }>
  | Event<'node.mismatched', { reason: string }>
  | Event<'node.failed', { reason: string }>
  | Event<'node.answered', Record<string, never>>
  | Event<'node.caughtUp', Record<string, never>>
  | Event<'block.connected', { block: Place; parent: string; nodeHeight: number; applied: boolean }>
  | Event<'block.applied', Place>
  | Event<'block.disconnected', Place>
  | Event<'spend.unexplained', { key: string; transaction: string }>
  | Event<'invariant.violated', { reason: string }>
  | Event<'signer.recalled', { until: number }>
  | Event<'chain.resumed', { reason: string }>

/** Blocks kept below the deepest reorg that we accept, so that one deeper is seen for what it is. */
const SPARE_BLOCKS = 10

/** States in which the chain takes blocks. */
export const FOLLOWING_STATES: readonly string[] = ['syncing', 'following', 'reorganising']

const tip = (context: ChainContext): Place | undefined => context.blocks.at(-1)

/** Whether this block stands on our tip, or is our tip and was not entirely applied. */
export function isNextBlock(context: ChainContext, block: Place, parent: string): boolean {
  const last = tip(context)
  if (last?.hash === block.hash) return !context.applied
  return last?.hash === parent && context.applied
}

/**
 * Whether this block is our tip and may be taken back. One that has `final` confirmations may not: what it holds is final,
 * so a person must look. Depth counts from the highest tip we ever stood on, so that reorgs do not add up unnoticed.
 */
export function isTakenBack(context: ChainContext, { height, hash }: Place): boolean {
  const depth = (context.top ?? height) - height + 1
  const isTooDeep = context.blocks.length === 1 || (depth >= context.final && !context.deepAllowed)
  return tip(context)?.hash === hash && !isTooDeep
}

export const chain = setup({
  types: { context: {} as ChainContext, events: {} as ChainEvent },
  actions: {
    ...actions,
    open: assign(({ event }) => {
      const { data } = event as Extract<ChainEvent, { type: 'chain.opened' }>
      return {
        ...data,
        failures: 0,
        dueAt: null,
        dueHeight: null,
        blocks: [],
        height: -1,
        applied: true,
        top: null,
        deepAllowed: false,
        reason: null,
        recalled: 0,
      }
    }),
    standOn: assign(({ context, event }) => {
      const { base } = (event as Extract<ChainEvent, { type: 'node.identified' }>).data
      if (base === null || context.blocks.length > 0) return { reason: null }
      return { reason: null, blocks: [base], height: base.height }
    }),
    connect: assign(({ context, event }) => {
      const { block, applied } = (event as Extract<ChainEvent, { type: 'block.connected' }>).data
      const known = tip(context)?.hash === block.hash ? context.blocks : [...context.blocks, block]
      const isOver = context.top !== null && block.height >= context.top
      return {
        blocks: known.slice(-(context.final + SPARE_BLOCKS)).map(({ height, hash }) => ({ height, hash })),
        height: block.height,
        applied,
        top: isOver ? null : context.top,
        deepAllowed: context.deepAllowed && !isOver,
      }
    }),
    finish: assign({ applied: true }),
    disconnect: assign(({ context, event }) => {
      const { height } = (event as Extract<ChainEvent, { type: 'block.disconnected' }>).data
      return { blocks: context.blocks.slice(0, -1), height: height - 1, applied: true, top: context.top ?? height }
    }),
    explain: assign({ reason: ({ event }) => (event.data as { reason: string }).reason }),
    explainSpend: assign({
      reason: ({ event }) => {
        const { key, transaction } = (event as Extract<ChainEvent, { type: 'spend.unexplained' }>).data
        return `${transaction} spends our ${key}, and neither the ledger nor the signer knows it: find out who holds the keys before you resume`
      },
    }),
    explainDepth: assign({
      reason: ({ context, event }) =>
        `the node took back block ${(event as Extract<ChainEvent, { type: 'block.disconnected' }>).data.height}, ` +
        `below a tip of ${context.top ?? context.height}: what has ${context.final} confirmations counts as final`,
    }),
    recall: assign({ recalled: ({ event }) => (event as Extract<ChainEvent, { type: 'signer.recalled' }>).data.until }),
    clearReason: assign({ reason: null }),
    allowDeep: assign({ reason: null, deepAllowed: ({ context }) => context.top !== null }),
  },
  guards: {
    isNext: ({ context, event }) => {
      const { block, parent } = (event as Extract<ChainEvent, { type: 'block.connected' }>).data
      return isNextBlock(context, block, parent)
    },
    isFurther: ({ context, event }) =>
      (event as Extract<ChainEvent, { type: 'signer.recalled' }>).data.until > context.recalled,
    isTip: ({ context, event }) =>
      tip(context)?.hash === (event as Extract<ChainEvent, { type: 'block.applied' }>).data.hash,
    isBehind: ({ event }) => {
      const { block, nodeHeight } = (event as Extract<ChainEvent, { type: 'block.connected' }>).data
      return block.height < nodeHeight
    },
    hasNoBase: ({ context, event }) =>
      context.blocks.length === 0 && (event as Extract<ChainEvent, { type: 'node.identified' }>).data.base === null,
    isTakenBack: ({ context, event }) => isTakenBack(context, event.data as Place),
  },
}).createMachine({
  id: 'chain',
  version: '1',
  context: {} as ChainContext,
  initial: 'absent',
  on: {
    'invariant.violated': { target: '.halted', actions: 'explain' },
    'signer.recalled': { guard: 'isFurther', actions: 'recall' },
    'block.applied': { guard: 'isTip', actions: 'finish' },
  },
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'chain.opened': { target: 'connecting', actions: 'open' },
        'invariant.violated': {},
        'signer.recalled': {},
        'block.applied': {},
      },
    },
    connecting: {
      description: 'Waits for the node to say which network it is on and where it stands.',
      meta: { task: 'identify' },
      on: {
        'node.identified': [{ guard: 'hasNoBase' }, { target: 'syncing', actions: 'standOn' }],
        'node.mismatched': { target: 'halted', actions: 'explain' },
        'node.failed': { target: 'unreachable', actions: 'explain' },
      },
    },
    syncing: {
      description: 'Follows block by block, behind the tip of its node.',
      on: {
        'process.started': 'connecting',
        'node.caughtUp': { target: 'following', actions: 'clearReason' },
        'node.failed': { target: 'unreachable', actions: 'explain' },
        'block.connected': [
          { guard: and(['isNext', 'isBehind']), actions: 'connect' },
          { guard: 'isNext', target: 'following', actions: 'connect' },
        ],
        'block.disconnected': [
          { guard: 'isTakenBack', target: 'reorganising', actions: 'disconnect' },
          { guard: 'isTip', target: 'halted', actions: 'explainDepth' },
        ],
        'spend.unexplained': { target: 'halted', actions: 'explainSpend' },
      },
    },
    following: {
      description: 'Stands on the tip of its node.',
      on: {
        'process.started': 'connecting',
        'node.failed': { target: 'unreachable', actions: 'explain' },
        'block.connected': [
          { guard: and(['isNext', 'isBehind']), target: 'syncing', actions: 'connect' },
          { guard: 'isNext', actions: 'connect' },
        ],
        'block.disconnected': [
          { guard: 'isTakenBack', target: 'reorganising', actions: 'disconnect' },
          { guard: 'isTip', target: 'halted', actions: 'explainDepth' },
        ],
        'spend.unexplained': { target: 'halted', actions: 'explainSpend' },
      },
    },
    reorganising: {
      description: 'Walks back to the fork, and out of this state with the first block of the new branch.',
      on: {
        'process.started': 'connecting',
        'node.failed': { target: 'unreachable', actions: 'explain' },
        'block.connected': [
          { guard: and(['isNext', 'isBehind']), target: 'syncing', actions: 'connect' },
          { guard: 'isNext', target: 'following', actions: 'connect' },
        ],
        'block.disconnected': [
          { guard: 'isTakenBack', actions: 'disconnect' },
          { guard: 'isTip', target: 'halted', actions: 'explainDepth' },
        ],
        'spend.unexplained': { target: 'halted', actions: 'explainSpend' },
      },
    },
    unreachable: {
      description: 'The node does not answer sensibly; nothing moves until it does.',
      on: { 'process.started': 'connecting', 'node.answered': { target: 'connecting', actions: 'clearReason' } },
    },
    halted: {
      description: 'Something that must not be is; nothing moves until a person has looked and resumes it.',
      on: {
        'chain.resumed': { target: 'connecting', actions: 'allowDeep' },
        'invariant.violated': {},
      },
    },
  },
})
