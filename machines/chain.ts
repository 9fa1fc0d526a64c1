/**
 * One network that we follow. No coin moves here, but everything else believes what this machine has accepted: the
 * hashes of the last blocks, deeper than `final`. A reorg is walked back one block at a time. What cannot be explained
 * (a wrong network, a reorg deeper than final, a spend of our coins that nobody signed) halts the chain until a person
 * resumes it: going on would build on a lie.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf } from './messages.ts'
import type { Place, Scheduled } from './vocabulary.ts'

export interface ChainContext extends Scheduled {
  family: string
  asset: string
  /** The blocks we stand on, oldest first; the last is the tip. */
  blocks: Place[]
  /** Height of the tip, -1 before the first block is known. */
  height: number
  /** False while what a block brings, or takes back, is being committed in slices: such a block is read again at boot. */
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

type Data<T extends string> = DataOf<'chain', T>

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

/** Whether this block is one that we stand on, or lies below all that we keep. */
export const isStoodOn = ({ blocks }: ChainContext, { height, hash }: Place): boolean =>
  height < (blocks[0]?.height ?? -1) || blocks.some(block => block.hash === hash)

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
  types: typesOf<'chain', ChainContext>(),
  actions: {
    ...actions,
    open: assign((_, opened: Data<'chain.opened'>) => ({
      ...opened,
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
    })),
    standOn: assign(({ context }, { base }: Data<'node.identified'>) => {
      if (base === null || context.blocks.length > 0) return { reason: null }
      return { reason: null, blocks: [base], height: base.height }
    }),
    connect: assign(({ context }, { block, applied }: Data<'block.connected'>) => {
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
    reopen: assign({ applied: false }),
    disconnect: assign(({ context }, { height }: Place) => ({
      blocks: context.blocks.slice(0, -1),
      height: height - 1,
      applied: true,
      top: context.top ?? height,
    })),
    explain: assign((_, { reason }: { reason: string }) => ({ reason })),
    explainSpend: assign((_, { key, transaction }: Data<'spend.unexplained'>) => ({
      reason: `${transaction} spends our ${key}, and neither the ledger nor the signer knows it: find out who holds the keys before you resume`,
    })),
    explainDepth: assign(({ context }, { height }: Place) => ({
      reason:
        `the node took back block ${height}, ` +
        `below a tip of ${context.top ?? context.height}: what has ${context.final} confirmations counts as final`,
    })),
    recall: assign((_, { until }: Data<'signer.recalled'>) => ({ recalled: until })),
    clearReason: assign({ reason: null }),
    allowDeep: assign({ reason: null, deepAllowed: ({ context }) => context.top !== null }),
  },
  guards: {
    isNext: ({ context }, { block, parent }: Data<'block.connected'>) => isNextBlock(context, block, parent),
    isNextAndBehind: ({ context }, { block, parent, nodeHeight }: Data<'block.connected'>) =>
      isNextBlock(context, block, parent) && block.height < nodeHeight,
    isFurther: ({ context }, { until }: Data<'signer.recalled'>) => until > context.recalled,
    isTip: ({ context }, { hash }: Place) => tip(context)?.hash === hash,
    hasNoBase: ({ context }, { base }: Data<'node.identified'>) => context.blocks.length === 0 && base === null,
    isTakenBack: ({ context }, block: Place) => isTakenBack(context, block),
  },
}).createMachine({
  id: 'chain',
  version: '1',
  context: unborn<ChainContext>(),
  initial: 'absent',
  on: {
    'invariant.violated': { target: '.halted', actions: { type: 'explain', params: data } },
    'signer.recalled': { guard: { type: 'isFurther', params: data }, actions: { type: 'recall', params: data } },
    'block.applied': { guard: { type: 'isTip', params: data }, actions: 'finish' },
    'block.unapplied': { guard: { type: 'isTip', params: data }, actions: 'reopen' },
  },
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'chain.opened': { target: 'connecting', actions: { type: 'open', params: data } },
        'invariant.violated': {},
        'signer.recalled': {},
        'block.applied': {},
        'block.unapplied': {},
      },
    },
    connecting: {
      description: 'Waits for the node to say which network it is on and where it stands.',
      meta: { task: 'identify' },
      on: {
        'node.identified': [
          { guard: { type: 'hasNoBase', params: data } },
          { target: 'syncing', actions: { type: 'standOn', params: data } },
        ],
        'node.mismatched': { target: 'halted', actions: { type: 'explain', params: data } },
        'node.failed': { target: 'unreachable', actions: { type: 'explain', params: data } },
      },
    },
    syncing: {
      description: 'Follows block by block, behind the tip of its node.',
      on: {
        'process.started': 'connecting',
        'node.caughtUp': { target: 'following', actions: 'clearReason' },
        'node.failed': { target: 'unreachable', actions: { type: 'explain', params: data } },
        'block.connected': [
          { guard: { type: 'isNextAndBehind', params: data }, actions: { type: 'connect', params: data } },
          { guard: { type: 'isNext', params: data }, target: 'following', actions: { type: 'connect', params: data } },
        ],
        'block.disconnected': [
          {
            guard: { type: 'isTakenBack', params: data },
            target: 'reorganising',
            actions: { type: 'disconnect', params: data },
          },
          { guard: { type: 'isTip', params: data }, target: 'halted', actions: { type: 'explainDepth', params: data } },
        ],
        'spend.unexplained': { target: 'halted', actions: { type: 'explainSpend', params: data } },
      },
    },
    following: {
      description: 'Stands on the tip of its node.',
      on: {
        'process.started': 'connecting',
        'node.failed': { target: 'unreachable', actions: { type: 'explain', params: data } },
        'block.connected': [
          {
            guard: { type: 'isNextAndBehind', params: data },
            target: 'syncing',
            actions: { type: 'connect', params: data },
          },
          { guard: { type: 'isNext', params: data }, actions: { type: 'connect', params: data } },
        ],
        'block.disconnected': [
          {
            guard: { type: 'isTakenBack', params: data },
            target: 'reorganising',
            actions: { type: 'disconnect', params: data },
          },
          { guard: { type: 'isTip', params: data }, target: 'halted', actions: { type: 'explainDepth', params: data } },
        ],
        'spend.unexplained': { target: 'halted', actions: { type: 'explainSpend', params: data } },
      },
    },
    reorganising: {
      description: 'Walks back to the fork, and out of this state with the first block of the new branch.',
      on: {
        'process.started': 'connecting',
        'node.failed': { target: 'unreachable', actions: { type: 'explain', params: data } },
        'block.connected': [
          {
            guard: { type: 'isNextAndBehind', params: data },
            target: 'syncing',
            actions: { type: 'connect', params: data },
          },
          { guard: { type: 'isNext', params: data }, target: 'following', actions: { type: 'connect', params: data } },
        ],
        'block.disconnected': [
          { guard: { type: 'isTakenBack', params: data }, actions: { type: 'disconnect', params: data } },
          { guard: { type: 'isTip', params: data }, target: 'halted', actions: { type: 'explainDepth', params: data } },
        ],
        'spend.unexplained': { target: 'halted', actions: { type: 'explainSpend', params: data } },
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
